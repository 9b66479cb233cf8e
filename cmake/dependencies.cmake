find_package(Threads REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(CLI11 REQUIRED)
find_package(fmt REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(OpenSSL REQUIRED COMPONENTS Crypto)
find_package(ZLIB REQUIRED)
find_path(ZSTD_INCLUDE zstd.h REQUIRED)
find_library(ZSTD_LIBRARY zstd REQUIRED)
find_package(CURL REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(xxhash REQUIRED IMPORTED_TARGET libxxhash)
# What data comes in: images, archives of arrays, databases.
pkg_check_modules(formats REQUIRED IMPORTED_TARGET libturbojpeg libpng hdf5 libzip sqlite3 libpq)
# ZeroMQ carries what workers and parameter servers say; its package file drags in what it was built with.
find_path(ZMQ_INCLUDE zmq.hpp REQUIRED)
find_library(ZMQ_LIBRARY zmq REQUIRED)

file(STRINGS ${PROJECT_SOURCE_DIR}/cmake/torch_version.txt CONVOY_TORCH_VERSION LIMIT_COUNT 1)
include(cmake/torch.cmake)

# libtorch's include folder has a fmt of its own: ours comes first.
find_path(FMT_INCLUDE fmt/format.h REQUIRED NO_CMAKE_FIND_ROOT_PATH)
file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/before_torch)
file(CREATE_LINK ${FMT_INCLUDE}/fmt ${PROJECT_BINARY_DIR}/before_torch/fmt SYMBOLIC)
include_directories(BEFORE ${PROJECT_BINARY_DIR}/before_torch)

add_library(convoy_private_dependencies INTERFACE)
set_target_properties(convoy_private_dependencies PROPERTIES EXPORT_NAME private_dependencies)
target_link_libraries(convoy_private_dependencies INTERFACE
  yaml-cpp fmt::fmt OpenSSL::Crypto ZLIB::ZLIB ${ZSTD_LIBRARY} CURL::libcurl PkgConfig::xxhash PkgConfig::formats
  ${ZMQ_LIBRARY}
  ${CMAKE_DL_LIBS})

# MPI is optional: a transport for clusters that start jobs with it.
option(CONVOY_MPI "build the MPI transport if MPI is found" ON)
if(CONVOY_MPI)
  find_path(MPI_INCLUDE mpi.h PATH_SUFFIXES ${CMAKE_LIBRARY_ARCHITECTURE}/mpi lib/${CMAKE_LIBRARY_ARCHITECTURE}/openmpi/include)
  find_library(MPI_LIBRARY mpi PATH_SUFFIXES openmpi/lib)
  if(MPI_INCLUDE AND MPI_LIBRARY)
    target_link_libraries(convoy_private_dependencies INTERFACE ${MPI_LIBRARY})
  endif()
endif()
