#pragma once
// What `convoy --list` says: what is registered, of whatever sort.
#include <string>
#include <string_view>

#pragma GCC visibility push(default)  // not public: the command, a library of its own, calls it

namespace convoy {

/// The sorts, where a job names one of each, and the names there are.
std::string list_sorts();

/// Of one sort ("optimizers", "optimizer"): what each is, what holds for it, where it comes from,
/// and its options with their defaults. Throws InputError for a sort that there is not.
std::string list_kinds(std::string_view sort);

}  // namespace convoy

#pragma GCC visibility pop
