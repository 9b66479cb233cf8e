#pragma once
#include "convoy/comm/compression/codec.hpp"

namespace convoy {

std::unique_ptr<Codec> make_fp16();
std::unique_ptr<Codec> make_bf16();
std::unique_ptr<Codec> make_int8(std::size_t block);
std::unique_ptr<Codec> make_top_k(double part);
std::unique_ptr<Codec> make_random_k(double part);

}  // namespace convoy
