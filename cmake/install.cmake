# install: the headers as include/weft/{engine,ops,...} (so that "ops/relu.h" is found), the library,
# the command, and weftConfig.cmake for find_package(weft).
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/weft)

foreach(folder engine ops models io data train)
  install(DIRECTORY ${folder} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/weft
          FILES_MATCHING PATTERN "*.h" PATTERN "cli" EXCLUDE PATTERN "train/ranks" EXCLUDE)
endforeach()
list(TRANSFORM weft_built PREPEND weft_ OUTPUT_VARIABLE weft_libraries)
install(TARGETS ${weft_libraries} weft EXPORT weftTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
if(TARGET weft_cli)
  install(TARGETS weft_cli RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  # The command writes its manual page and completion; an install has them as it does.
  install(CODE "
    foreach(page \"man;weft.1\" \"completion bash;weft.bash\" \"completion zsh;_weft\")
      list(GET page 0 words)
      list(GET page 1 file)
      separate_arguments(words)
      execute_process(COMMAND \"$<TARGET_FILE:weft_cli>\" \${words}
                      OUTPUT_FILE \"${PROJECT_BINARY_DIR}/\${file}\" RESULT_VARIABLE failed)
      if(failed)
        message(FATAL_ERROR \"weft \${words} failed: \${failed}\")
      endif()
    endforeach()")
  install(FILES ${PROJECT_BINARY_DIR}/weft.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
  install(FILES ${PROJECT_BINARY_DIR}/weft.bash RENAME weft
          DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
  install(FILES ${PROJECT_BINARY_DIR}/_weft DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
endif()
install(EXPORT weftTargets NAMESPACE weft:: DESTINATION ${package_dir})
configure_package_config_file(cmake/weftConfig.cmake.in ${PROJECT_BINARY_DIR}/weftConfig.cmake
  INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/weftConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/weftConfig.cmake ${PROJECT_BINARY_DIR}/weftConfigVersion.cmake
              ${PROJECT_SOURCE_DIR}/cmake/FindNCCL.cmake
              DESTINATION ${package_dir})
