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
  return {
      {"name", mesh.name}, {"plan", mesh.plan}, {"hash", mesh.hash}, {"ranks", mesh.ranks}, {"axes", axes}};
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
    collectives.push_back({{"op", collective.op},
                           {"mesh_axes", collective.meshAxes},
                           {"value", collective.value},
                           {"phase", collective.phase},
                           {"count", collective.count},
                           {"bytes_per_rank", collective.bytes},
                           {"seconds", collective.seconds},
                           {"source", collective.source},
                           {"plan", collective.plan},
                           {"because", collective.because},
                           {"path", collective.path},
                           {"hint", collective.hint},
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
                      {"temporaries", rank.temporaries}});
  for (const ConflictFacts &conflict : facts.conflicts)
    conflicts.push_back({{"value", conflict.value},
                         {"mesh_axis", conflict.axis},
                         {"axis", conflict.dim},
                         {"tactic", conflict.tactic},
                         {"winner", conflict.winner},
                         {"because", conflict.because}});
  Json all = {{"mesh", meshOf(facts.mesh)},
              {"values", values},
              {"collectives", collectives},
              {"memory", memory},
              {"conflicts", conflicts}};
  return all.dump(2) + "\n";
}
