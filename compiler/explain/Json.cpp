#include "compiler/explain/Text.h"

#include <nlohmann/json.hpp>

using namespace cleave::explain;
using Json = nlohmann::ordered_json;

static Json meshOf(const MeshFacts &mesh) {
  Json axes = Json::array();
  for (const MeshAxisFacts &axis : mesh.axes)
    axes.push_back({{"name", axis.name},
                    {"size", axis.size},
                    {"link", axis.link},
                    {"bytes_per_second", axis.bandwidth},
                    {"latency_seconds", axis.latency}});
  Json tactics = Json::array();
  for (const TacticFacts &tactic : mesh.tactics)
    tactics.push_back({{"plan", tactic.plan}, {"kind", tactic.kind}});
  return {{"name", mesh.name},   {"plan", mesh.plan}, {"hash", mesh.hash},
          {"ranks", mesh.ranks}, {"axes", axes},      {"tactics", tactics}};
}

static Json originsOf(const ValueFacts &value) {
  Json origins = Json::array();
  for (const OriginFacts &origin : value.origins)
    origins.push_back({{"mesh_axis", origin.axis}, {"plan", origin.tactic}, {"path", origin.path}});
  return origins;
}

static Json mergedOf(const CollectiveFacts &collective) {
  Json merged = Json::array();
  for (const ReasonFacts &reason : collective.merged)
    merged.push_back({{"value", reason.value},
                      {"source", reason.source},
                      {"plan", reason.plan},
                      {"because", reason.because},
                      {"path", reason.path}});
  return merged;
}

static Json editsOf(const CollectiveFacts &collective) {
  Json edits = Json::array();
  for (const EditFacts &edit : collective.removedBy)
    edits.push_back({{"plan", edit.plan}, {"leave_out", edit.part}});
  return edits;
}

static const char *nameOf(CollectiveFacts::Regather regather) {
  switch (regather) {
  case CollectiveFacts::Regather::Kept:
    return "kept";
  case CollectiveFacts::Regather::Again:
    return "again";
  default:
    return "";
  }
}

static const char *nameOf(ActionFacts::Kind kind) {
  static const char *const names[] = {"compute", "collective", "wait", "loop", "end"};
  return names[static_cast<size_t>(kind)];
}

static Json stepOf(const Facts &facts) {
  Json step = Json::array();
  for (const ActionFacts &action : facts.step)
    step.push_back({{"kind", nameOf(action.kind)},
                    {"name", action.name},
                    {"source", action.source},
                    {"phase", action.phase},
                    {"time", action.time},
                    {"count", action.count},
                    {"seconds", action.seconds},
                    {"collective", action.collective},
                    {"id", action.id},
                    {"async", action.async}});
  return step;
}

static Json momentsOf(const Facts &facts) {
  Json moments = Json::array();
  for (const MomentFacts &moment : facts.moments)
    moments.push_back({{"time", moment.time},
                       {"gradients", moment.gradients},
                       {"activations", moment.activations},
                       {"buffers", moment.buffers},
                       {"temporaries", moment.temporaries}});
  return moments;
}

std::string cleave::explain::renderJson(const Facts &facts) {
  Json values = Json::array(), collectives = Json::array(), memory = Json::array(), conflicts = Json::array();
  for (const ValueFacts &value : facts.values)
    values.push_back({{"name", value.name},
                      {"type", value.type},
                      {"layout", value.layout},
                      {"compute_layout", value.compute},
                      {"partial", value.partial},
                      {"source", value.source},
                      {"kind", value.kind},
                      {"local", value.local},
                      {"bytes_per_rank", value.bytes},
                      {"origins", originsOf(value)}});
  for (const CollectiveFacts &collective : facts.collectives)
    collectives.push_back(
        {{"op", collective.op},
         {"mesh_axes", collective.meshAxes},
         {"value", collective.value},
         {"phase", collective.phase},
         {"count", collective.count},
         {"bytes_per_rank", collective.bytes},
         {"seconds", collective.seconds},
         {"hidden_seconds", collective.hidden},
         {"overlap", collective.overlap},
         {"source", collective.source},
         {"plan", collective.plan},
         {"because", collective.because},
         {"path", collective.path},
         {"hint", collective.hint},
         {"edits", editsOf(collective)},
         {"bytes_without", collective.removedBy.empty() ? Json() : Json(collective.bytesWithout)},
         {"backward", nameOf(collective.regather)},
         {"merged", mergedOf(collective)}});
  for (const MemoryFacts &rank : facts.memory)
    memory.push_back({{"ranks", rank.ranks},
                      {"rank_count", rank.count},
                      {"peak_bytes", rank.peakBytes},
                      {"params", rank.params},
                      {"gradients", rank.gradients},
                      {"optimizer", rank.optimizer},
                      {"activations", rank.activations},
                      {"buffers", rank.buffers},
                      {"temporaries", rank.temporaries},
                      {"gaps", rank.gaps},
                      {"scratch", rank.scratch}});
  for (const ConflictFacts &conflict : facts.conflicts)
    conflicts.push_back({{"value", conflict.value},
                         {"mesh_axis", conflict.axis},
                         {"axis", conflict.dim},
                         {"tactic", conflict.tactic},
                         {"winner", conflict.winner},
                         {"because", conflict.because}});
  Json all = {{"mesh", meshOf(facts.mesh)},
              {"proved", facts.proof.isProved},
              {"reason", facts.proof.reason},
              {"trusted", facts.proof.trusted},
              {"values", values},
              {"collectives", collectives},
              {"memory", memory},
              {"conflicts", conflicts},
              {"step", stepOf(facts)},
              {"moments", momentsOf(facts)}};
  return all.dump(2) + "\n";
}
