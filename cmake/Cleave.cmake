# Targets of the project. Sources are globbed: a new file in a folder is part of its library.

find_program(CCACHE ccache)
if(CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
    CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
    CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${CCACHE})
endif()

option(CLEAVE_WERROR "Treat warnings as errors" ON)
option(CLEAVE_FUZZ "Build the targets of test/fuzz with libFuzzer" OFF)

add_library(cleave_flags INTERFACE)
target_include_directories(cleave_flags INTERFACE ${CMAKE_SOURCE_DIR})
# What tablegen and ANTLR generate lies in the build folder: not ours to keep free of warnings.
target_include_directories(cleave_flags SYSTEM INTERFACE ${CMAKE_BINARY_DIR})
target_compile_options(cleave_flags INTERFACE -Wall -Wextra)
if(CLEAVE_WERROR)
  target_compile_options(cleave_flags INTERFACE -Werror)
endif()

# cleave_library(NAME FOLDERS folder... [MLIR] [LINK lib...] [DEPENDS target...])
function(cleave_library name)
  cmake_parse_arguments(ARG "MLIR" "" "FOLDERS;LINK;DEPENDS" ${ARGN})
  set(sources "")
  foreach(folder ${ARG_FOLDERS})
    file(GLOB found CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${folder}/*.cpp)
    list(APPEND sources ${found})
  endforeach()
  if(NOT sources)
    add_library(${name} INTERFACE)
    target_link_libraries(${name} INTERFACE cleave_flags ${ARG_LINK})
    return()
  endif()
  add_library(${name} STATIC ${sources})
  target_link_libraries(${name} PUBLIC cleave_flags ${ARG_LINK})
  if(ARG_MLIR)
    target_link_libraries(${name} PUBLIC cleave_mlir)
    target_precompile_headers(${name} REUSE_FROM CleaveMlirPch)
  endif()
  if(ARG_DEPENDS)
    add_dependencies(${name} ${ARG_DEPENDS})
  endif()
endfunction()
