#pragma once
// The library is compiled with hidden visibility: its own calls are direct ones, and what is not
// public has no name outside. Public headers make visible what they declare, by a pragma around
// their namespaces (scripts/exports writes it; an attribute of the namespace does not reach
// functions that are defined elsewhere, with clang). Exceptions and classes then are the same ones
// on both sides of the library's border.

/// What is visible although it is in no public header's namespace.
#define CONVOY_EXPORT [[gnu::visibility("default")]]
