include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# The installed command finds libtorch where it was when it was built.
set_target_properties(convoy PROPERTIES INSTALL_RPATH_USE_LINK_PATH ON)
install(TARGETS convoy RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS convoy_lib convoy_private_dependencies EXPORT ConvoyTargets
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/convoy DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT ConvoyTargets NAMESPACE Convoy:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/Convoy)
configure_package_config_file(cmake/ConvoyConfig.cmake.in ${PROJECT_BINARY_DIR}/ConvoyConfig.cmake
  INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/Convoy)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/ConvoyConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES cmake/torch.cmake ${PROJECT_BINARY_DIR}/ConvoyConfig.cmake ${PROJECT_BINARY_DIR}/ConvoyConfigVersion.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/Convoy)
