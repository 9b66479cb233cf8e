include(CMakePackageConfigHelpers)

# What is installed finds libtorch where it was when it was built, and what is Convoy's beside itself.
set_target_properties(convoy_shared PROPERTIES INSTALL_RPATH_USE_LINK_PATH ON)
set_target_properties(convoy_command PROPERTIES INSTALL_RPATH "$ORIGIN/.." INSTALL_RPATH_USE_LINK_PATH ON)
install(TARGETS convoy convoy_shared EXPORT ConvoyTargets
        RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS convoy_command LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/convoy)
install(DIRECTORY include/convoy DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT ConvoyTargets NAMESPACE Convoy:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/Convoy)
configure_package_config_file(cmake/ConvoyConfig.cmake.in ${PROJECT_BINARY_DIR}/ConvoyConfig.cmake
  INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/Convoy)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/ConvoyConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES cmake/torch.cmake ${PROJECT_BINARY_DIR}/ConvoyConfig.cmake ${PROJECT_BINARY_DIR}/ConvoyConfigVersion.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/Convoy)

# For builds without CMake. Paths are relative to the file, so that the prefix may be chosen when installing.
file(RELATIVE_PATH convoy_prefix ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
configure_file(cmake/convoy.pc.in ${PROJECT_BINARY_DIR}/convoy.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/convoy.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
