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

# libtorch's own package file drags in every backend it was configured with; these three are all we link.
find_path(TORCH_ROOT_INCLUDE torch/script.h REQUIRED)
find_library(TORCH_LIBRARY torch REQUIRED)
find_library(TORCH_CPU_LIBRARY torch_cpu REQUIRED)
find_library(C10_LIBRARY c10 REQUIRED)
add_library(convoy_torch INTERFACE)
set_target_properties(convoy_torch PROPERTIES EXPORT_NAME torch)
target_include_directories(convoy_torch SYSTEM INTERFACE
  ${TORCH_ROOT_INCLUDE} ${TORCH_ROOT_INCLUDE}/torch/csrc/api/include)
target_link_libraries(convoy_torch INTERFACE ${TORCH_LIBRARY} ${TORCH_CPU_LIBRARY} ${C10_LIBRARY})

add_library(convoy_private_dependencies INTERFACE)
set_target_properties(convoy_private_dependencies PROPERTIES EXPORT_NAME private_dependencies)
target_link_libraries(convoy_private_dependencies INTERFACE
  yaml-cpp fmt::fmt OpenSSL::Crypto ZLIB::ZLIB ${ZSTD_LIBRARY} CURL::libcurl PkgConfig::xxhash PkgConfig::formats
  ${ZMQ_LIBRARY}
  ${CMAKE_DL_LIBS})

# gloo carries messages between hosts; libtorch's process group over it is in libtorch_cpu, its headers include gloo's.
find_path(GLOO_INCLUDE gloo/config.h REQUIRED)

# MPI is optional: a transport for clusters that start jobs with it.
option(CONVOY_MPI "build the MPI transport if MPI is found" ON)
if(CONVOY_MPI)
  find_path(MPI_INCLUDE mpi.h PATH_SUFFIXES ${CMAKE_LIBRARY_ARCHITECTURE}/mpi lib/${CMAKE_LIBRARY_ARCHITECTURE}/openmpi/include)
  find_library(MPI_LIBRARY mpi PATH_SUFFIXES openmpi/lib)
  if(MPI_INCLUDE AND MPI_LIBRARY)
    target_link_libraries(convoy_private_dependencies INTERFACE ${MPI_LIBRARY})
  endif()
endif()
