#include "convoy/data/options.hpp"

#include "convoy/schema/schema.hpp"

namespace convoy::schema {

void describe(Visitor& v, CsvOptions& o) {
  v.key("header", o.header, choice({"true", "false", "skip"}),
        "the first line names the columns (true), is data (false), or is ignored (skip)");
  v.key("columns", o.columns, any(), "names of the columns, where the header does not give them");
  v.key("delimiter", o.delimiter, any(),
        "one character, or `tab`; of TSV files a tab unless another one is given here");
  v.key("missing", o.missing, any(),
        "what counts as a missing value; in JSON Lines null and a key that is not there do too");
  v.key("categorical", o.categorical, any(),
        "columns to read as categories even if they look like numbers");
  v.key("ignore", o.ignore, any(), "columns to leave out");
}

void describe(Visitor& v, ImageOptions& o) {
  v.key("width", o.width, between(0, 65536),
        "of every image, in pixels; 0: all have the size of the first");
  v.key("height", o.height, between(0, 65536), "0: as `width`");
  v.key("channels", o.channels, between(1, 3), "3: red, green and blue; 1: grey");
  v.key("resize", o.resize, choice({"crop", "pad", "stretch"}),
        "how an image of another shape gets its size; crop: fills it, what is too much is cut off; "
        "pad: fits into it, the rest is black; stretch: its shape changes");
}

void describe(Visitor& v, TextOptions& o) {
  v.key("tokenizer", o.tokenizer, choice({"byte", "bpe"}),
        "byte: a token a byte; bpe: byte-pair encoding, learnt from the training split");
  v.key("vocabulary", o.vocabulary, between(256, 65536),
        "bpe: how many tokens, the 256 bytes included");
  v.key("length", o.length, between(1, wide), "tokens of a sample, which are what comes before");
  v.key("stride", o.stride, between(1, wide),
        "tokens between the beginnings of two samples; 1: every token is predicted once");
}

}  // namespace convoy::schema
