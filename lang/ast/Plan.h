// Meshes and plans: how a program is spread over ranks, checked and resolved.
//
// A plan's tactics apply in order. Axes, mesh axes and selectors are resolved against the program that was
// checked with it; what was inherited comes first.
#ifndef CLEAVE_LANG_AST_PLAN_H
#define CLEAVE_LANG_AST_PLAN_H

#include "lang/diag/Source.h"

#include <cstdint>
#include <string>
#include <vector>

namespace cleave::ast {

using diag::Location;

struct Axis;
struct Function;
struct State;

// A class of links between ranks.
struct Link {
  std::string name;
  double bandwidth = 0; // bytes per second that one rank sends
  double latency = 0;   // seconds per message
  std::string domain;   // what fails as one: "process", "node", "cluster", ...
  Location location;
};

struct MeshAxis {
  std::string name;
  int64_t size = 0; // 0: open, of a plan that nobody has selected
  const Link *link = nullptr;
  Location location;
};

// Ranks are numbered row-major over the axes.
struct Mesh {
  std::string name; // "mesh" where it was written in place
  std::vector<MeshAxis> axes;
  Location location;

  // Whether every axis has a size.
  bool isSized() const;
  int64_t ranks() const;
};

// A mesh axis, or the part of it of `size` ranks that `before` parts lie before.
struct MeshUse {
  unsigned axis = 0; // of the mesh
  int64_t before = 1, size = 0;
  bool whole = true;
  Location location;
};

// One dim of a layout: its elements are split over `over`, the first one outermost.
struct DimLayout {
  bool pack = false; // of a manual region: the axes of a pack, cut over nothing
  std::string axis;
  std::vector<MeshUse> over;
  bool open = false; // may be split further
};

struct PartialUse {
  std::string combiner; // sum, max, min
  std::vector<MeshUse> over;
};

struct Layout {
  std::vector<DimLayout> dims;
  std::vector<PartialUse> partials;
};

// One thing that a selector named.
struct Selected {
  enum class Kind : uint8_t { State, Value, Input, Output, Layer, Entry };
  Kind kind = Kind::State;
  std::string path;  // as in the IR: "gpt.blocks[*].up.w", "logits"
  std::string entry; // of an input, output or value of an entry: its name; empty for what all entries share
};

struct Selection {
  std::string text;    // from the top: "gpt.blocks[*].up", "train.logits"
  std::string pattern; // of paths in the IR, several separated by ", "; empty for all of an entry
  std::string entry;   // when it is about what one entry binds
  std::vector<Selected> matches;
  Location location;
};

// What an assertion or allowance bounds.
struct Bound {
  std::string metric; // peak_memory, count, bytes, reshard
  int64_t limit = 0;  // at most so many bytes, or collectives
};

struct ManualRegion {
  std::string composite;          // "nn.attention"
  std::vector<std::string> ports; // its parameters
  std::vector<Layout> layouts;    // of these
  std::vector<Layout> results;
  std::string function;      // in its place
  std::vector<MeshUse> over; // its axes of ranks, in the order of its generics
  // Of the selected plan: the composite's instances that it takes the place of.
  struct Instance {
    const Function *composite = nullptr, *local = nullptr;
    // Of each argument of the composite, result and residual of the local function.
    std::vector<Layout> arguments, results, residuals;
  };
  std::vector<Instance> instances;
};

// A plan that another one names, on sizes that the other gives it.
struct PlanUse {
  std::string name;  // "plans.tensor"
  Mesh mesh;         // a size of 0: open
  Location location; // of its declaration
};

struct Tactic {
  enum class Kind : uint8_t {
    Shard,           // axes over
    Layout,          // selections: layout
    Replicate,       // selections over
    Store,           // words (params, gradients, optimizer) of selections over
    Accumulate,      // count of axes[0]
    Recompute,       // selections
    Save,            // selections
    Remainder,       // words[0] (pad, uneven, error) for axes; none: for every axis
    Overlap,         // words, or never these
    Allow,           // bound
    AssertNo,        // collective over, in selections
    Assert,          // bound of collective over, in selections
    Manual,          // manual
    AssertEquivalent // other
  };
  Kind kind = Kind::Shard;
  std::vector<std::string> axes; // as types show them: "Batch", "nn.Taps"
  std::vector<MeshUse> over;
  std::vector<Selection> selections;
  std::vector<std::string> words;
  Layout layout;
  int64_t count = 0;
  bool never = false;
  Bound bound;
  std::string collective; // all_reduce, ...; empty: none
  ManualRegion manual;
  PlanUse other;
  bool optional = false; // of a plan for any program
  std::string owner;     // the plan it stands in, which the plan may extend
  Location location;
};

struct Plan {
  std::string name;   // "megatron", "plans.fsdp"
  std::string target; // the layer or entry it is for; empty: the program
  bool isForEntry = false;
  bool isForAny = false; // what a program lacks is passed over
  Mesh mesh;
  std::vector<Tactic> tactics;
  // SHA-256 of `canonical`, in hexadecimal; empty while the mesh has open sizes.
  std::string hash;
  Location location;
};

// A tactic as one line in the language's own words.
std::string toString(const Tactic &tactic, const Mesh &mesh);
std::string toString(const Mesh &mesh);
// "plans.tensor(dp: 2, tp: 4)"
std::string toString(const PlanUse &use);
std::string toString(const Layout &layout, const Mesh &mesh);
// What a plan says, and nothing else: links, mesh and tactics, one per line.
std::string canonical(const Plan &plan);

} // namespace cleave::ast

#endif
