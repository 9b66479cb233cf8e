// Built for an older Convoy.
extern "C" {
extern const char convoy_plugin_tag[];
const char convoy_plugin_tag[] =
    "convoy-plugin-tag:1\nname=old\nversion=1.0\nconvoy=0.0.1\nlibtorch=1.0\n";
}
