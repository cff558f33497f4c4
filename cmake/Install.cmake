# What `cmake --install` puts elsewhere: two shared libraries with their headers, a CMake package and pkg-config files.
# Components: runtime (no LLVM), compiler, tools. Everything finds everything else by its own place: a prefix may be moved.
include(CMakePackageConfigHelpers)

# The binary interface's number is that of the header.
file(STRINGS ${CMAKE_SOURCE_DIR}/runtime/abi/cleave.h line REGEX "^#define CLEAVE_API_VERSION ")
string(REGEX MATCH "[0-9]+" CLEAVE_API_VERSION "${line}")

# cleave_shared_library(PART NAME file EXPORTS map COMPONENT c OBJECTS library... LINK lib... HEADERS file...)
# A library made of others' objects, Cleave::PART to those who find the package.
function(cleave_shared_library part)
  set(target Cleave${part}Shared)
  cmake_parse_arguments(ARG "" "NAME;EXPORTS;COMPONENT" "OBJECTS;LINK;HEADERS" ${ARGN})
  set(objects ${ARG_OBJECTS})
  list(TRANSFORM objects REPLACE "(.+)" "$<TARGET_OBJECTS:\\1>")
  set(map ${CMAKE_SOURCE_DIR}/cmake/install/${ARG_EXPORTS})
  add_library(${target} SHARED ${objects})
  target_link_libraries(${target} PRIVATE ${ARG_LINK})
  target_link_options(${target} PRIVATE -Wl,--version-script=${map} -Wl,-Bsymbolic-functions)
  if(NOT CMAKE_CXX_FLAGS MATCHES "-fsanitize") # whose functions come from the program that loads the library
    target_link_options(${target} PRIVATE -Wl,--no-undefined)
  endif()
  set_target_properties(${target} PROPERTIES OUTPUT_NAME ${ARG_NAME} EXPORT_NAME ${part} LINKER_LANGUAGE CXX LINK_DEPENDS ${map}
    VERSION ${PROJECT_VERSION} SOVERSION ${CLEAVE_API_VERSION}
    INSTALL_RPATH "$ORIGIN" INSTALL_RPATH_USE_LINK_PATH ON)
  target_include_directories(${target} INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  install(FILES ${ARG_HEADERS} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/cleave COMPONENT ${ARG_COMPONENT})
  install(TARGETS ${target} EXPORT ${part}-targets
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT ${ARG_COMPONENT})
  install(EXPORT ${part}-targets NAMESPACE Cleave:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/Cleave
    COMPONENT ${ARG_COMPONENT})
  configure_file(${CMAKE_SOURCE_DIR}/cmake/install/${ARG_NAME}.pc.in ${CMAKE_BINARY_DIR}/install/${ARG_NAME}.pc @ONLY)
  install(FILES ${CMAKE_BINARY_DIR}/install/${ARG_NAME}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig
    COMPONENT ${ARG_COMPONENT})
endfunction()

# The way from pkg-config's files to the prefix.
file(RELATIVE_PATH CLEAVE_PC_TO_PREFIX /p/${CMAKE_INSTALL_LIBDIR}/pkgconfig /p)

set(abi ${CMAKE_SOURCE_DIR}/runtime/abi)
cleave_shared_library(Runtime NAME cleave-runtime EXPORTS runtime.map COMPONENT runtime
  OBJECTS CleaveRuntime
  LINK Threads::Threads
  HEADERS ${abi}/cleave.h ${abi}/cleave.hpp ${abi}/dlpack.h)
configure_package_config_file(${CMAKE_SOURCE_DIR}/cmake/install/CleaveConfig.cmake.in
  ${CMAKE_BINARY_DIR}/install/CleaveConfig.cmake INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/Cleave)
# Before 1.0 a minor version may change anything.
write_basic_package_version_file(${CMAKE_BINARY_DIR}/install/CleaveConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/install/CleaveConfig.cmake ${CMAKE_BINARY_DIR}/install/CleaveConfigVersion.cmake
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/Cleave COMPONENT runtime)

if(CLEAVE_RUNTIME_ONLY)
  return()
endif()

cleave_shared_library(Compiler NAME cleave EXPORTS compiler.map COMPONENT compiler
  OBJECTS CleaveCompiler CleaveLower CleaveLang CleaveGrammar CleaveModel CleavePipe CleaveDist CleaveComm CleaveCost
  LINK CleaveRuntimeShared MLIR LLVM ${ANTLR4_RUNTIME} Threads::Threads
  HEADERS ${abi}/compiler.h ${abi}/compiler.hpp)
# A program that compiles also uses what it has compiled.
target_link_libraries(CleaveCompilerShared INTERFACE CleaveRuntimeShared)
install(TARGETS cleave RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT tools)
install(DIRECTORY ${CMAKE_SOURCE_DIR}/stdlib DESTINATION ${CMAKE_INSTALL_DATADIR}/cleave COMPONENT compiler
  FILES_MATCHING PATTERN "*.dsl")
