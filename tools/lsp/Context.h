// What surrounds the cursor in a text that may be half-typed: read backwards from it, over names and
// brackets.
#ifndef CLEAVE_TOOLS_LSP_CONTEXT_H
#define CLEAVE_TOOLS_LSP_CONTEXT_H

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace cleave::lsp {

struct Context {
  enum class Wants {
    Nothing,   // in a comment or string
    Member,    // behind `path.`
    Axis,      // in the brackets of a type, behind `over`, behind `b:` in a pattern
    Type,      // behind `:` of a parameter or `->`
    Module,    // behind `import`
    Data,      // behind `from`
    Layer,     // behind `=` of a layer or repeat, behind `with` of an update
    Value,     // anywhere else in an expression
    Statement, // where one may begin
    Tactic,    // where a tactic of a plan may begin
    MeshAxis,  // in a plan, behind `over` and `/`
    Selector,  // in a plan, where what the program names stands
    Mesh,      // behind `on`
    Plan,      // behind `extends`, and behind `to` of an assertion
  };
  Wants wants = Wants::Value;
  bool inPlan = false;                  // of a plan: what bodies bind may be named
  std::vector<std::string_view> target; // in a plan `for gpt`: selectors may leave that name out
  std::string_view prefix;              // what was typed of the name
  std::vector<std::string_view> path;   // before the last dot, for Member
  std::vector<std::string_view> callee; // of the innermost call around the cursor; empty outside
  unsigned argument = 0;                // its commas before the cursor
  std::vector<std::string_view> given;  // names of arguments it has
};

Context contextAt(std::string_view text, uint32_t offset);

} // namespace cleave::lsp

#endif
