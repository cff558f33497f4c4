#include "compiler/prove/Mesh.h"

#include <set>

using namespace mlir;
using namespace cleave;
using namespace cleave::prove;

Mesh Mesh::create(Algebra &algebra, dist::MeshOp op, ModuleOp module) {
  Mesh mesh;
  mesh.algebra = &algebra;
  mesh.mesh = op;
  if (auto rank = module->getAttrOfType<DenseI64ArrayAttr>(comm::kRankAttr))
    mesh.own.assign(rank.asArrayRef().begin(), rank.asArrayRef().end());
  std::map<StringRef, std::set<int64_t>> ends; // of digits
  module.walk([&](Operation *each) {
    each->getAttrDictionary().walk([&](dist::AxisRefAttr axis) {
      if (axis.isWhole())
        return;
      ends[axis.getName().getValue()].insert({axis.getPre(), axis.getPre() * axis.getSize()});
    });
  });
  for (auto [i, name] : llvm::enumerate(op.getAxes().getAsValueRange<StringAttr>())) {
    int64_t size = op.getSizes()[i], begin = 1;
    std::set<int64_t> &cuts = ends[name];
    cuts.insert(size);
    bool isSplit = true; // every end divides the next
    for (int64_t end : cuts) {
      isSplit &= end % begin == 0;
      begin = end;
    }
    mesh.isFolded.push_back(!isSplit);
    if (!isSplit)
      cuts = {size};
    begin = 1;
    for (int64_t end : cuts) {
      if (end == begin && size > 1)
        continue;
      auto number = static_cast<int64_t>(mesh.digits.size());
      mesh.digits.push_back({algebra.variable(VarKind::Coord, number, end / begin), static_cast<unsigned>(i),
                             begin, end / begin});
      begin = end;
    }
  }
  return mesh;
}

SmallVector<Mesh::Part> Mesh::partsOf(ArrayRef<dist::AxisRefAttr> axes) const {
  SmallVector<Part> found;
  for (dist::AxisRefAttr axis : axes) {
    std::optional<unsigned> position = dist::MeshOp(mesh).find(axis.getName().getValue());
    if (!position)
      continue;
    int64_t low = axis.isWhole() ? 1 : axis.getPre(), size = dist::MeshOp(mesh).sizeOf(axis);
    if (isFolded[*position] && !axis.isWhole()) {
      found.push_back({*position, low, size, std::nullopt});
      continue;
    }
    for (const Digit &digit : digits)
      if (digit.axis == *position && digit.pre >= low && digit.pre * digit.size <= low * size &&
          digit.size > 1)
        found.push_back({digit.axis, digit.pre, digit.size, digit.var});
  }
  return found;
}

SmallVector<Mesh::Digit> Mesh::digitsOf(ArrayRef<dist::AxisRefAttr> axes) const {
  SmallVector<Digit> found;
  for (const Part &part : partsOf(axes))
    for (const Digit &digit : digits)
      if (part.var ? digit.var == *part.var : digit.axis == part.axis)
        found.push_back(digit);
  return found;
}

static int64_t behind(dist::MeshOp mesh, const Mesh::Part &part) {
  return mesh.getSizes()[part.axis] / (part.pre * part.size);
}

static Var wholeOf(ArrayRef<Mesh::Digit> digits, unsigned axis) {
  return llvm::find_if(digits, [&](const Mesh::Digit &digit) { return digit.axis == axis; })->var;
}

Index Mesh::at(const Part &part) const {
  if (part.var)
    return algebra->of(*part.var);
  Index whole = algebra->of(wholeOf(digits, part.axis));
  return algebra->mod(algebra->floorDiv(whole, behind(mesh, part)), part.size);
}

void Mesh::move(Rewrite &rewrite, const Part &part, Index to) const {
  if (part.var) {
    rewrite.map.emplace(*part.var, to);
    return;
  }
  Var whole = wholeOf(digits, part.axis);
  auto [it, isNew] = rewrite.map.try_emplace(whole, algebra->of(whole));
  it->second = algebra->add(it->second, algebra->scale(algebra->subtract(to, at(part)), behind(mesh, part)));
}

void Mesh::move(Rewrite &rewrite, ArrayRef<dist::AxisRefAttr> axes, Index member) const {
  SmallVector<Part> parts = partsOf(axes);
  for (size_t number = parts.size(); number-- > 0; member = algebra->floorDiv(member, parts[number].size))
    move(rewrite, parts[number], number == 0 ? member : algebra->mod(member, parts[number].size));
}

int64_t Mesh::members(ArrayRef<dist::AxisRefAttr> axes) const {
  int64_t product = 1;
  for (const Part &part : partsOf(axes))
    product *= part.size;
  return product;
}

Index Mesh::member(ArrayRef<dist::AxisRefAttr> axes) const {
  Index number = algebra->constant(0);
  for (const Part &part : partsOf(axes))
    number = algebra->add(algebra->scale(number, part.size), at(part));
  return number;
}

StringRef Mesh::nameOf(Var var) const {
  for (const Digit &digit : digits)
    if (digit.var == var)
      return cast<StringAttr>(dist::MeshOp(mesh).getAxes()[digit.axis]).getValue();
  return "";
}

Index Mesh::blockStart(int64_t extent, ArrayRef<dist::AxisRefAttr> axes, int64_t room) const {
  if (room > 0)
    return algebra->scale(member(axes), room);
  Index start = algebra->constant(0), whole = algebra->constant(extent);
  for (dist::AxisRefAttr axis : axes) {
    start = algebra->add(start, algebra->blockStart(whole, members(axis), member(axis)));
    whole = algebra->blockLength(whole, members(axis), member(axis));
  }
  hasUneven |= !algebra->constantOf(whole);
  return start;
}

Index Mesh::blockLength(int64_t extent, ArrayRef<dist::AxisRefAttr> axes) const {
  Index length = algebra->constant(extent);
  for (dist::AxisRefAttr axis : axes)
    length = algebra->blockLength(length, members(axis), member(axis));
  return length;
}

Rewrite Mesh::at(ArrayRef<int64_t> coordinates) const {
  Rewrite rewrite;
  for (const Digit &digit : digits) {
    int64_t behind = dist::MeshOp(mesh).getSizes()[digit.axis] / (digit.pre * digit.size);
    rewrite.map.emplace(digit.var, algebra->constant(coordinates[digit.axis] / behind % digit.size));
  }
  return rewrite;
}

std::string Mesh::textOf(ArrayRef<Digit> some) const {
  std::string text;
  std::set<StringRef> names;
  for (const Digit &digit : some)
    if (names.insert(nameOf(digit.var)).second)
      text += (text.empty() ? "" : ", ") + nameOf(digit.var).str();
  return text;
}

std::string Mesh::rankText(ArrayRef<int64_t> rank) const {
  std::string text;
  for (auto [i, name] : llvm::enumerate(dist::MeshOp(mesh).getAxes().getAsValueRange<StringAttr>()))
    text += (i ? ", " : "") + name.str() + " " + std::to_string(rank[i]);
  return text;
}

SmallVector<SmallVector<int64_t>> Mesh::someRanks() const {
  SmallVector<SmallVector<int64_t>> ranks;
  ArrayRef<int64_t> sizes = dist::MeshOp(mesh).getSizes();
  ranks.emplace_back(sizes.size(), 0);
  for (size_t i = 0; i < sizes.size(); ++i)
    for (int64_t at : {int64_t(1), sizes[i] - 1})
      if (at < sizes[i]) {
        ranks.emplace_back(sizes.size(), 0);
        ranks.back()[i] = at;
      }
  ranks.emplace_back();
  for (int64_t size : sizes)
    ranks.back().push_back(size - 1);
  return ranks;
}
