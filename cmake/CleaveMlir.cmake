# What the compiler is built with: MLIR, LLVM, the command line's parser.
find_package(MLIR 22.1 REQUIRED CONFIG HINTS /usr/lib/llvm-22/lib/cmake/mlir)
find_package(CLI11 REQUIRED)
list(APPEND CMAKE_MODULE_PATH ${MLIR_CMAKE_DIR} ${LLVM_CMAKE_DIR})
include(TableGen)
include(AddLLVM)
include(AddMLIR)

set(CLEAVE_TBLGEN_INCLUDES
  -I${CMAKE_SOURCE_DIR} -I${CMAKE_BINARY_DIR} -I/usr/lib/llvm-22/include)

# MLIR's headers are heavy: one precompiled header serves every target that uses them.
add_library(cleave_mlir INTERFACE)
target_include_directories(cleave_mlir SYSTEM INTERFACE ${MLIR_INCLUDE_DIRS} ${LLVM_INCLUDE_DIRS})
# Tests and developers' tools link LLVM's and MLIR's shared libraries, in no time. What users start again and again
# has them inside: half the memory and half the start, for their 430,000 relocations are gone.
option(CLEAVE_STATIC_LLVM "Link LLVM and MLIR into the command `cleave`" ON)
# Archives go by path: as targets, MLIR's ask for LLVM's shared library. Members that nobody uses stay out.
file(GLOB mlir_archives ${LLVM_LIBRARY_DIR}/libMLIR*.a)
llvm_map_components_to_libnames(llvm_archives core orcjit native passes asmparser)
add_library(cleave_mlir_archives INTERFACE)
target_link_libraries(cleave_mlir_archives INTERFACE
  -Wl,--start-group ${mlir_archives} -Wl,--end-group ${llvm_archives})
target_link_libraries(cleave_mlir INTERFACE
  "$<IF:$<BOOL:$<TARGET_PROPERTY:CLEAVE_STATIC_LLVM>>,cleave_mlir_archives,MLIR$<SEMICOLON>LLVM>")
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  # Lets ccache reuse objects that were built with the precompiled header.
  target_compile_options(cleave_mlir INTERFACE "SHELL:-Xclang -fno-pch-timestamp")
endif()
add_library(CleaveMlirPch OBJECT ${CMAKE_SOURCE_DIR}/cmake/pch.cpp)
target_link_libraries(CleaveMlirPch PRIVATE cleave_flags cleave_mlir)
target_precompile_headers(CleaveMlirPch PRIVATE ${CMAKE_SOURCE_DIR}/cmake/pch.h)

# cleave_tablegen(TARGET source.td OUTPUT generator-flags ...): a generated header in the mirrored build folder.
function(cleave_tablegen target source)
  set(outputs "")
  set(rest ${ARGN})
  while(rest)
    list(POP_FRONT rest out flags)
    string(REPLACE " " ";" flags "${flags}")
    set(output ${CMAKE_CURRENT_BINARY_DIR}/${out})
    add_custom_command(OUTPUT ${output}
      COMMAND ${MLIR_TABLEGEN_EXE} ${flags} ${CLEAVE_TBLGEN_INCLUDES}
              ${CMAKE_CURRENT_SOURCE_DIR}/${source} -o ${output} --write-if-changed
              -d ${output}.d
      DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${source} DEPFILE ${output}.d)
    list(APPEND outputs ${output})
  endwhile()
  add_custom_target(${target} DEPENDS ${outputs})
endfunction()
