// What there is to see of a program under a plan: layouts, collectives with their causes, memory. Plain data,
// made by Collect.h from the IR, shown by Text.h and Json.h, judged by Assertions.h.
#ifndef CLEAVE_COMPILER_EXPLAIN_FACTS_H
#define CLEAVE_COMPILER_EXPLAIN_FACTS_H

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace cleave::explain {

struct MeshAxisFacts {
  std::string name;
  int64_t size = 1;
  std::string link; // class of links, "" where none is said
  double bandwidth = 0, latency = 0;
};

// A line of the plan.
struct TacticFacts {
  std::string plan; // "file:line:column"
  std::string kind; // shard, store, ...
};

struct MeshFacts {
  std::string name, plan, hash;
  std::vector<TacticFacts> tactics; // in order
  std::vector<MeshAxisFacts> axes;
  int64_t ranks = 1;
};

// How a mesh axis came to cut a value.
struct OriginFacts {
  std::string axis;   // of the mesh
  std::string tactic; // place of the plan's line, "file:line:column"; "" for a layout in the program
  std::vector<std::string> path; // from the value the tactic names to this one
};

// A mesh axis that a tactic wanted for a value, and did not get.
struct ConflictFacts {
  std::string value;   // or "result of FILE:LINE:COLUMN"
  std::string axis;    // mesh axis
  std::string dim;     // axis of the value it was wanted for
  std::string tactic;  // that wanted it
  std::string winner;  // that has it, or "" for a layout in the program
  std::string because; // a sentence
};

// What could be left out of the plan.
struct EditFacts {
  int64_t tactic = -1; // its place in the plan
  std::string axis;    // of a `shard` that has others; "": all of the tactic
  // Once it was tried: "file:line:column" of the line, and what to take out of it ("": all of it).
  std::string plan = "", part = "";
  bool operator==(const EditFacts &other) const { return tactic == other.tactic && axis == other.axis; }
};

// Why a collective exists.
struct ReasonFacts {
  std::string value;  // it moves
  std::string source; // of the model
  std::string plan;   // line that caused it
  std::string because;
  std::string hint; // the edit that does without it
  std::vector<std::string>
      path; // from what the plan's line cut to what is moved: values, or "file:line:column"
  std::vector<EditFacts> edits; // that may do without it, the most likely one first
};

struct ValueFacts {
  std::string name;    // the user's path
  std::string kind;    // param, optimizer, buffer, counter, input, output, value
  std::string entry;   // whose it is; "" for states
  std::string type;    // "f32[Batch, Seq, Embed]"
  std::string layout;  // "f32[Batch/dp, Seq, Embed]": as it lies
  std::string compute; // as it is computed with; the same but for what is stored apart
  std::string partial; // "sum over tp", or ""
  std::string local;   // sizes of the largest block: "f32[4, 128, 64]"
  int64_t bytes = 0;   // of that
  std::string source;
  std::vector<OriginFacts> origins;
};

struct CollectiveFacts : ReasonFacts {
  std::string entry;
  std::string op;                    // all_reduce, ...
  std::vector<std::string> meshAxes; // "tp", or "tp[2:4]" for a part of one
  std::string type;                  // local, of what goes in: "f32[4, 128, 64]"
  std::string phase;                 // forward, backward, update, state, input
  int64_t count = 1;                 // of equal ones in a run of the entry, loops multiplied
  int64_t bytes = 0;                 // one of them sends, per rank
  double seconds = 0;                // one of them takes, by the cost model
  int64_t kept = 0;                  // bytes that one of its results takes beyond what went in
  std::vector<EditFacts> removedBy;  // the edit of `hint`, where it was tried
  int64_t bytesWithout = 0;          // sent per rank in a run of the entry then, all in all
  std::vector<ReasonFacts> merged;   // of collectives that it stands for besides
  // Of a gather going forwards: what the backward pass does for the same. "": it does not read it.
  enum class Regather { None, Kept, Again } regather = Regather::None;
  double hidden = 0;   // of the seconds, what other work covers, by the cost model
  std::string overlap; // how: "begun a turn ahead", ...; "" where nothing is done about it
};

struct MemoryFacts {
  std::vector<int64_t> ranks; // first and last of the class, and how many
  int64_t count = 1;
  int64_t peakBytes = 0;
  int64_t params = 0, gradients = 0, optimizer = 0, activations = 0, buffers = 0, temporaries = 0;
  int64_t gaps = 0;    // of temporaries: room between values that nothing takes at the fullest moment
  int64_t scratch = 0; // of the peak: what the fullest entry computes in, gaps included
};

// One action of a step, or a loop around some. A loop's body stands once.
struct ActionFacts {
  enum class Kind { Compute, Collective, Wait, Loop, End } kind = Kind::Compute;
  std::string name;        // what it makes, or the axis of a loop
  std::string source;      // of the model
  std::string phase;       // forward, backward, update
  int64_t time = 0;        // its number in the list: see Moment
  int64_t count = 1;       // of a loop: its turns
  double seconds = 0;      // of one time, by the cost model
  int64_t collective = -1; // place in Facts::collectives
  int64_t id = 0;          // of what is begun here and waited for later (`async`), and of its wait
  bool async = false;
};

// Bytes that a rank has in scratch from an action on.
struct MomentFacts {
  int64_t time = 0;
  int64_t gradients = 0, activations = 0, buffers = 0, temporaries = 0;
};

// Whether what every rank runs was proved to be what the program says.
struct ProofFacts {
  bool isProved = false;
  std::string reason;               // why not; "" where nothing was asked
  std::vector<std::string> trusted; // manual regions, which nobody derived: "`manual f = g` at net.dsl:12"
};
// "proved: every class of ranks computes what the program says", "not proved: there is ..."; "" where nothing
// was asked.
std::string toString(const ProofFacts &proof);

struct Facts {
  MeshFacts mesh;
  ProofFacts proof;
  std::vector<ValueFacts> values;
  std::vector<CollectiveFacts> collectives; // of rank 0's class
  std::vector<ConflictFacts> conflicts;
  std::vector<MemoryFacts> memory;  // per class of ranks; empty where no memory was planned
  std::vector<ActionFacts> step;    // of the entry that is explained, of rank 0's class
  std::vector<MomentFacts> moments; // likewise

  // Forgets what is of other entries than this one; "" keeps all.
  void keep(const std::string &entry);
};

} // namespace cleave::explain

#endif
