if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()
# No contraction: a * b + c rounds the same whether or not the compiler vectorised that loop.
add_compile_options(-ffp-contract=off)
# Everything is compiled for libconvoy.so, from which only what is public is exported (convoy/core/export.hpp). All targets alike:
# they share a precompiled header.
add_compile_options(-fPIC -fvisibility=hidden -fvisibility-inlines-hidden -fno-semantic-interposition)
if(CONVOY_SANITIZE)
  add_compile_options(-fsanitize=${CONVOY_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=undefined)
  add_link_options(-fsanitize=${CONVOY_SANITIZE})
  add_compile_definitions(CONVOY_SANITIZED)
endif()
# A function that is not exported and called across a border is an error of the build, not of a run. (What sanitizers add is only in
# the program.)
set(convoy_no_undefined "")
if(NOT CONVOY_SANITIZE)
  set(convoy_no_undefined LINKER:-z,defs)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  add_compile_options(-fpch-preprocess)
endif()
find_program(LLD_PROGRAM ld.lld)
if(LLD_PROGRAM)
  add_link_options(-fuse-ld=lld)
endif()

add_library(convoy_warnings INTERFACE)
target_compile_options(convoy_warnings INTERFACE -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual
  -Wno-missing-field-initializers  # designated initialisers leave the rest at its default on purpose
  -Wno-subobject-linkage)  # in a unity build each source is included
