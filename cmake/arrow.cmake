# The component that reads and writes Parquet and Arrow files (src/data/formats/arrow): a shared object that Convoy loads when the
# first such file is met. Nothing else is linked with Arrow: its libraries would be loaded by every command, and libparquet shows an
# OpenSSL of its own to whoever is linked with it.
# CONVOY_ARROW: ON, OFF, or AUTO: with it if it can be had. Which Arrow C++ is the first of
# 1. CONVOY_ARROW_DIR (of CMake or of the environment): the folder of a pyarrow, which has include/ and the libraries in it;
# 2. the wheel of cmake/arrow_version.txt in Convoy's cache; scripts/arrow fetches it.
set(CONVOY_ARROW AUTO CACHE STRING "read and write Parquet and Arrow files: ON, OFF, or AUTO (if Arrow can be had)")
set_property(CACHE CONVOY_ARROW PROPERTY STRINGS AUTO ON OFF)
set(CONVOY_ARROW_OLDEST 26)
set(CONVOY_ARROW_NEWEST 26)

# Sets CONVOY_ARROW_FOLDER, CONVOY_ARROW_ORIGIN and CONVOY_ARROW_FOUND (the version); the folder is "" where there is none.
function(convoy_find_arrow)
  set(folder ${CONVOY_ARROW_DIR})
  if(NOT folder)
    set(folder $ENV{CONVOY_ARROW_DIR})
  endif()
  set(origin "named by CONVOY_ARROW_DIR")
  if(folder AND NOT EXISTS ${folder}/include/arrow/util/config.h)
    message(FATAL_ERROR "CONVOY_ARROW_DIR: there is no include/arrow in ${folder}; name the folder of a pyarrow, or leave it out")
  endif()
  if(NOT folder)
    execute_process(COMMAND ${PROJECT_SOURCE_DIR}/scripts/arrow
      OUTPUT_VARIABLE folder OUTPUT_STRIP_TRAILING_WHITESPACE RESULT_VARIABLE status)
    if(NOT status EQUAL 0)
      set(folder "")
    endif()
    set(origin "from its wheel")
  endif()
  if(folder)
    file(STRINGS ${folder}/include/arrow/util/config.h line REGEX "define ARROW_VERSION_STRING")
    string(REGEX REPLACE "[^0-9.]" "" version "${line}")
  endif()
  set(CONVOY_ARROW_FOLDER ${folder} PARENT_SCOPE)
  set(CONVOY_ARROW_ORIGIN ${origin} PARENT_SCOPE)
  set(CONVOY_ARROW_FOUND ${version} PARENT_SCOPE)
endfunction()

set(columnar_places "")
if(CONVOY_ARROW)
  convoy_find_arrow()
  string(REGEX MATCH "^[0-9]+" arrow_major "${CONVOY_ARROW_FOUND}")
  if(NOT CONVOY_ARROW_FOLDER)
    if(NOT CONVOY_ARROW STREQUAL "AUTO")
      message(FATAL_ERROR "no Arrow: see the line above")
    endif()
    message(STATUS "Arrow: none, so no Parquet and Arrow files: see the line above")
  elseif(arrow_major LESS CONVOY_ARROW_OLDEST OR arrow_major GREATER CONVOY_ARROW_NEWEST)
    message(FATAL_ERROR "Arrow ${CONVOY_ARROW_FOUND} in ${CONVOY_ARROW_FOLDER} is not supported: Convoy is for ${CONVOY_ARROW_OLDEST} to ${CONVOY_ARROW_NEWEST}")
  else()
    message(STATUS "Arrow: ${CONVOY_ARROW_FOUND}, ${CONVOY_ARROW_ORIGIN}: ${CONVOY_ARROW_FOLDER}")
    file(GLOB arrow_libraries ${CONVOY_ARROW_FOLDER}/libparquet.so.* ${CONVOY_ARROW_FOLDER}/libarrow.so.*)
    # Arrow's headers are long: each source by itself, with none of libtorch's.
    file(GLOB arrow_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/data/formats/arrow/*.cpp)
    add_library(convoy_arrow MODULE ${arrow_sources})
    set_target_properties(convoy_arrow PROPERTIES PREFIX "" OUTPUT_NAME convoy_arrow
      CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON POSITION_INDEPENDENT_CODE ON
      LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR} INSTALL_RPATH_USE_LINK_PATH ON
      LINK_DEPENDS ${PROJECT_SOURCE_DIR}/cmake/arrow/component.map)
    target_include_directories(convoy_arrow PRIVATE ${PROJECT_SOURCE_DIR}/src)
    target_include_directories(convoy_arrow SYSTEM PRIVATE ${CONVOY_ARROW_FOLDER}/include)
    target_link_libraries(convoy_arrow PRIVATE ${arrow_libraries} $<BUILD_INTERFACE:convoy_warnings>)
    target_link_options(convoy_arrow PRIVATE LINKER:--version-script=${PROJECT_SOURCE_DIR}/cmake/arrow/component.map)
    if(CONVOY_FUZZ)
      target_compile_options(convoy_arrow PRIVATE -fsanitize=fuzzer-no-link)
    endif()
    install(TARGETS convoy_arrow LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/convoy)
    file(RELATIVE_PATH beside_command ${CMAKE_INSTALL_FULL_BINDIR} ${CMAKE_INSTALL_FULL_LIBDIR})
    set(columnar_places
      "${beside_command}/convoy/convoy_arrow.so:${CMAKE_INSTALL_FULL_LIBDIR}/convoy/convoy_arrow.so:${PROJECT_BINARY_DIR}/convoy_arrow.so")
  endif()
endif()
# In a source of its own, so that nothing else depends on the checkout's place.
file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/columnar_places.cpp @ONLY CONTENT [[
// Written by cmake/arrow.cmake.
#include "data/formats/columnar_module.hpp"

const char* const convoy::columnar_module_places = "@columnar_places@";
]])
