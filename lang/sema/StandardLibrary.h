// Where the modules that come with Cleave are.
#ifndef CLEAVE_LANG_SEMA_STANDARDLIBRARY_H
#define CLEAVE_LANG_SEMA_STANDARDLIBRARY_H

#include <string>

namespace cleave {

// The folder of the standard library: the environment's CLEAVE_STDLIB, else share/cleave/stdlib in one of the
// three folders above the executable or shared library this code is in, else that of the source tree.
std::string standardLibrary();

} // namespace cleave

#endif
