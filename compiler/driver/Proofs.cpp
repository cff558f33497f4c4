#include "compiler/driver/Proofs.h"

#include "compiler/driver/Diagnostics.h"
#include "dialects/dist/ir/Notation.h"

using namespace mlir;

namespace cleave {

Proofs::Proofs(ModuleOp whole) : stated(whole.clone()), prover(*stated) {
  found.isProved = true;
  stated->walk([&](dist::ManualOp op) {
    std::string region =
        "`" + op->getAttrOfType<StringAttr>(dist::kTacticAttr).str() + "` at " + dist::text(op.getLoc());
    if (!llvm::is_contained(found.trusted, region))
      found.trusted.push_back(region);
  });
}

// Of what the prover does not cover, a proof that fails tells nothing; one that succeeds is one.
bool Proofs::accepts(ModuleOp local, diag::Engine &engine) {
  if (!found.isProved)
    return true;
  if (std::optional<std::string> reason = prove::Prover::uncovered(local)) {
    ScopedDiagnosticHandler unheard(local.getContext(), [](Diagnostic &) { return success(); });
    found.isProved = succeeded(prover.check(local));
    if (!found.isProved)
      found.reason = *reason;
    return true;
  }
  DiagnosticsBridge bridge(*local.getContext(), engine);
  std::string unknown; // an op without a rule is worth a warning, not a refusal
  ScopedDiagnosticHandler handler(local.getContext(), [&](Diagnostic &diagnostic) {
    std::string text = diagnostic.str();
    if (!StringRef(text).starts_with("E961: "))
      return failure();
    unknown = text.substr(6);
    engine.warning("E961", {}, unknown);
    return success();
  });
  if (succeeded(prover.check(local)))
    return true;
  found.isProved = false;
  found.reason = unknown;
  return !unknown.empty();
}

void Proofs::compareRegions(ModuleOp plain) {
  if (!prover.difference(plain))
    found.trusted.clear();
}

std::optional<std::string> Proofs::difference(const Proofs &other) {
  return prover.difference(*other.stated);
}

} // namespace cleave
