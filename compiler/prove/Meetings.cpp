#include "compiler/prove/Meetings.h"

#include "dialects/dist/ir/Axes.h"
#include "llvm/ADT/StringExtras.h"

#include <set>

using namespace mlir;
using namespace cleave;
using namespace cleave::prove;

//===----------------------------------------------------------------------===//
// What a class takes part in
//===----------------------------------------------------------------------===//

namespace {
class Collector {
public:
  Collector(ModuleOp module, dist::MeshOp mesh, std::vector<Meeting> &meetings)
      : symbols(module), mesh(mesh), meetings(meetings) {}

  void visit(StringRef function, const std::string &where) {
    for (Operation &op : symbols.lookup<func::FuncOp>(function).getBody().front())
      visit(&op, where);
  }

private:
  void visit(Operation *op, const std::string &where) {
    if (auto call = dyn_cast<model::CallOp>(op))
      visit(call.getCallee(), where);
    if (auto scan = dyn_cast<model::ScanOp>(op))
      visit(scan.getBody(), where + std::to_string(scan.getCount()) + " times ");
    if (auto loop = dyn_cast<model::WhileOp>(op)) {
      visit(loop.getCondition(), where + "while ");
      visit(loop.getBody(), where + "do ");
    }
    if (auto branch = dyn_cast<model::IfOp>(op)) {
      visit(branch.getThenBody(), where + "then ");
      visit(branch.getElseBody(), where + "else ");
    }
    if (isa<comm::AllReduceOp, comm::ReduceScatterOp, comm::AllGatherOp, comm::AllToAllOp, comm::PermuteOp,
            comm::BroadcastOp, comm::HaloOp>(op))
      meet(op, where);
  }

  void meet(Operation *op, const std::string &where) {
    Meeting made{op->getLoc(), op->getName().stripDialect().str(), "", where, "", "", {}, {}, {}};
    made.over = dist::axesOf(op->getAttrOfType<ArrayAttr>("over"));
    if (dist::membersOf(mesh, made.over) == 1)
      return; // nobody is met
    made.what = made.kind;
    if (auto combiner = op->getAttrOfType<model::CombinerAttr>("combiner"))
      made.what += " " + model::stringifyCombiner(combiner.getValue()).str();
    made.what += " over ";
    for (auto [i, axis] : llvm::enumerate(made.over)) {
      made.what += (i ? ", " : "") + axis.getName().getValue().str();
      if (!axis.isWhole())
        made.what += ":(" + std::to_string(axis.getPre()) + ")" + std::to_string(axis.getSize());
    }
    llvm::raw_string_ostream rest(made.rest);
    for (StringRef name : {"dim", "split", "concat", "root", "low", "high", "extent", "sources", "padded"})
      if (Attribute value = op->getAttr(name))
        rest << name << " " << value << " ";
    if (auto reason = op->getAttrOfType<comm::ReasonAttr>("reason"))
      made.value = reason.getValue().str();
    auto number = [&](StringRef name) {
      auto value = op->getAttrOfType<IntegerAttr>(name);
      return value ? value.getInt() : -1;
    };
    bool isCut = isa<comm::ReduceScatterOp>(op);
    made.dim = isa<comm::AllToAllOp>(op) ? number("concat") : isCut ? -1 : number("dim");
    made.split = isCut ? number("dim") : number("split");
    made.padded = op->hasAttr("padded");
    made.input = cast<RankedTensorType>(op->getOperand(0).getType()).getShape().vec();
    made.result = cast<RankedTensorType>(op->getResult(0).getType()).getShape().vec();
    meetings.push_back(std::move(made));
  }

  SymbolTable symbols;
  dist::MeshOp mesh;
  std::vector<Meeting> &meetings;
};
} // namespace

void Meetings::add(ModuleOp local) {
  Class &made = classes.emplace_back();
  dist::MeshOp mesh;
  for (auto each : local.getOps<dist::MeshOp>())
    mesh = mesh ? mesh : each;
  if (!mesh)
    return; // nothing is shared out
  axes.clear();
  for (StringRef axis : mesh.getAxes().getAsValueRange<StringAttr>())
    axes.push_back(axis.str());
  sizes = mesh.getSizes().vec();
  if (auto rank = local->getAttrOfType<DenseI64ArrayAttr>(comm::kRankAttr))
    made.rank = rank.asArrayRef().vec();
  for (auto function : local.getOps<func::FuncOp>())
    if (function->hasAttr(model::kEntryAttr))
      Collector(local, mesh, made.entries[function.getName().str()]).visit(function.getName(), "");
}

std::string Meetings::rankText(const Class &of) const {
  std::string text;
  for (auto [axis, at] : llvm::zip(axes, of.rank))
    text += (text.empty() ? "" : ", ") + axis + " " + std::to_string(at);
  return "rank (" + text + ")";
}

static std::string textOf(const Meeting &meeting) {
  return "'" + meeting.what + "'" + (meeting.value.empty() ? "" : " of '" + meeting.value + "'");
}

//===----------------------------------------------------------------------===//
// In order
//===----------------------------------------------------------------------===//

static bool isSame(const Meeting &a, const Meeting &b) { return a.agreesWith(b) && a.value == b.value; }

static bool hasLater(const std::vector<Meeting> &list, size_t from, const Meeting &wanted) {
  return std::any_of(list.begin() + std::min(from, list.size()), list.end(),
                     [&](const Meeting &each) { return isSame(each, wanted); });
}

LogicalResult Meetings::compare(const std::string &entry, const Class &first, const Class &other) const {
  static const std::vector<Meeting> kNone;
  auto found = other.entries.find(entry);
  const std::vector<Meeting> &a = first.entries.at(entry),
                             &b = found == other.entries.end() ? kNone : found->second;
  if (std::equal(a.begin(), a.end(), b.begin(), b.end(),
                 [](const Meeting &x, const Meeting &y) { return x.agreesWith(y); }))
    return success();
  size_t i = 0; // what they are of shows where it begins
  while (i < a.size() && i < b.size() && isSame(a[i], b[i]))
    ++i;
  bool isInB = i < a.size() && hasLater(b, i, a[i]), isInA = i < b.size() && hasLater(a, i, b[i]);
  bool isExtra = i == a.size() || (i < b.size() && isInB && !isInA);
  const Class &has = isExtra ? other : first, &lacks = isExtra ? first : other;
  const std::vector<Meeting> &mine = isExtra ? b : a, &theirs = isExtra ? a : b;
  InFlightDiagnostic error =
      emitError(mine[i].location,
                "E962: ranks of all classes take part in the same collectives in the same order, found ")
      << textOf(mine[i]) << " as number " << i + 1 << " of entry '" << entry << "' on " << rankText(has);
  if (i == theirs.size() || isInA != isInB) {
    error << ", which " << rankText(lacks) << " leaves out";
    if (i < theirs.size())
      error.attachNote(theirs[i].location)
          << rankText(lacks) << " goes on to " << textOf(theirs[i]) << " here";
    return failure();
  }
  error << ", where " << rankText(lacks) << " has " << textOf(theirs[i]);
  if (isInA && isInB)
    error << ", and that one behind it";
  else if (mine[i].what == theirs[i].what && mine[i].where == theirs[i].where)
    error << " with " << theirs[i].rest << "for " << mine[i].rest;
  error.attachNote(theirs[i].location) << "this is number " << i + 1 << " of " << rankText(lacks);
  return failure();
}

//===----------------------------------------------------------------------===//
// As many elements
//===----------------------------------------------------------------------===//

// Which classes meet along axes: every list of members' classes that there is.
std::vector<Meetings::Group> Meetings::groupsOf(ArrayRef<dist::AxisRefAttr> over,
                                                ArrayRef<uint32_t> classOf) const {
  int64_t ranks = 1;
  for (int64_t size : sizes)
    ranks *= size;
  if (classOf.empty()) { // all members are of the one class
    size_t members = 1;
    for (dist::AxisRefAttr ref : over)
      members *=
          ref.isWhole() ? sizes[llvm::find(axes, ref.getName().getValue()) - axes.begin()] : ref.getSize();
    return {Group(members, 0)};
  }
  std::map<int64_t, std::map<int64_t, uint32_t>> groups; // by what stays; members by number
  for (int64_t rank = 0; rank < ranks; ++rank) {
    int64_t rest = rank, stays = 0, member = 0, step = 1;
    SmallVector<int64_t> at(sizes.size());
    for (size_t i = sizes.size(); i-- > 0; rest /= sizes[i])
      at[i] = rest % sizes[i];
    for (dist::AxisRefAttr ref : over) {
      size_t axis = llvm::find(axes, ref.getName().getValue()) - axes.begin();
      int64_t pre = ref.isWhole() ? 1 : ref.getPre(), size = ref.isWhole() ? sizes[axis] : ref.getSize();
      int64_t behind = sizes[axis] / (pre * size), digit = at[axis] / behind % size;
      member = member * size + digit;
      at[axis] -= digit * behind;
    }
    for (size_t i = sizes.size(); i-- > 0; step *= sizes[i])
      stays += at[i] * step;
    groups[stays][member] = classOf.empty() ? 0 : classOf[rank];
  }
  std::set<Group> found;
  for (const auto &[stays, members] : groups) {
    Group group;
    for (auto [member, number] : members)
      group.push_back(number);
    found.insert(std::move(group));
  }
  return std::vector<Group>(found.begin(), found.end());
}

static std::string shapeText(ArrayRef<int64_t> shape) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  stream << "[";
  llvm::interleaveComma(shape, stream);
  stream << "]";
  return text;
}

static std::vector<int64_t> without(std::vector<int64_t> shape, ArrayRef<int64_t> dims) {
  for (int64_t dim : dims)
    if (dim >= 0)
      shape[dim] = 0;
  return shape;
}

// A member's blocks are joined along `dim` and cut along `split`; all else is the same for all.
LogicalResult Meetings::countElements(const std::string &entry, size_t number, const Group &group) const {
  auto meetingOf = [&](uint32_t member) -> const Meeting & {
    return classes[member].entries.at(entry)[number];
  };
  const Meeting &first = meetingOf(group.front());
  auto fault = [&](const Twine &text) {
    return emitError(first.location,
                     "E963: members of a collective give as many elements as the others expect, found ")
           << textOf(first) << " in entry '" << entry << "': " << text;
  };
  int64_t given = 0, kept = 0;
  for (uint32_t member : group) {
    const Meeting &own = meetingOf(member);
    if (without(own.input, {first.dim}) != without(first.input, {first.dim}))
      return fault(rankText(classes[group.front()]) + " gives " + shapeText(first.input) + ", " +
                   rankText(classes[member]) + " " + shapeText(own.input));
    given += first.dim < 0 ? 0 : own.input[first.dim];
    kept += first.split < 0 ? 0 : own.result[first.split];
  }
  bool joins = first.kind == "all_gather" || first.kind == "all_to_all";
  for (uint32_t member : group) {
    const Meeting &own = meetingOf(member);
    if (joins && (first.padded ? given < own.result[first.dim] : given != own.result[first.dim]))
      return fault(rankText(classes[member]) + " expects " + std::to_string(own.result[first.dim]) +
                   " along its dim " + std::to_string(first.dim) + ", all members have " +
                   std::to_string(given));
  }
  if (first.split >= 0 && (first.padded ? kept < first.input[first.split] : kept != first.input[first.split]))
    return fault(rankText(classes[group.front()]) + " gives " + std::to_string(first.input[first.split]) +
                 " along its dim " + std::to_string(first.split) + ", all members take " +
                 std::to_string(kept));
  return success();
}

LogicalResult Meetings::check(ArrayRef<uint32_t> classOf) const {
  LogicalResult result = success();
  if (classes.empty() || sizes.empty())
    return result;
  std::map<std::string, std::vector<Group>> groups; // by what is met over
  for (const auto &[entry, meetings] : classes.front().entries) {
    bool isSame = llvm::all_of(ArrayRef(classes).drop_front(), [&, &entry = entry](const Class &other) {
      return succeeded(compare(entry, classes.front(), other));
    });
    if (!isSame) {
      result = failure();
      continue;
    }
    for (size_t i = 0; i < meetings.size() && succeeded(result); ++i) {
      std::string over = meetings[i].what.substr(meetings[i].what.find(" over "));
      auto [it, isNew] = groups.try_emplace(over);
      if (isNew)
        it->second = groupsOf(meetings[i].over, classOf);
      for (const Group &group : it->second)
        if (failed(countElements(entry, i, group))) {
          result = failure();
          break;
        }
    }
  }
  return result;
}
