// Spreads layouts along factors until nothing changes.
#ifndef CLEAVE_DIALECTS_DIST_TRANSFORMS_PROPAGATE_H
#define CLEAVE_DIALECTS_DIST_TRANSFORMS_PROPAGATE_H

#include "dialects/dist/transforms/Graph.h"

namespace cleave::dist {

enum class Strategy {
  Basic,     // only axes that conflict with no tensor of the rule
  Aggressive // conflicts are resolved, tensor by tensor: see README
};

struct PropagateOptions {
  Strategy strategy = Strategy::Aggressive;
  bool opPriorities = true;
  bool storedOnly = false; // through rules that walk along a stored tensor alone: storage layouts
};

// Which axes may move between the tensors of a rule: none, and in which direction, per factor.
struct Directions {
  bool forward = true, backward = true;
  bool any() const { return forward || backward; }
};

// One application of a rule. Calls `changed` for each cell that grew. `directionOf` gives the directions of a
// factor; operands that are broadcast give axes only where `broadcastGives`, take them where
// `broadcastTakes`.
struct RuleStep {
  llvm::function_ref<Directions(unsigned factor)> directionOf;
  bool broadcastGives = true, broadcastTakes = true;
  Strategy strategy = Strategy::Aggressive;
  int tactic = -1;
  llvm::function_ref<void(unsigned cell)> changed;
};
void applyRule(Graph &graph, const Rule &rule, const RuleStep &step);

// To a fixed point, priority by priority of the dims, then class of ops by class.
void propagate(Graph &graph, const PropagateOptions &options, int tactic);

} // namespace cleave::dist

#endif
