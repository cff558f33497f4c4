// Tokens -> text.
#ifndef CLEAVE_LANG_FORMAT_PRINTER_H
#define CLEAVE_LANG_FORMAT_PRINTER_H

#include "lang/format/Layout.h"

#include <string>

namespace cleave::format {

// The whole program, ending in one newline; nothing for a program without tokens and comments.
std::string print(const Layout &layout);

} // namespace cleave::format

#endif
