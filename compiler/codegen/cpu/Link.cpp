#include "compiler/codegen/cpu/Link.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/BinaryFormat/ELF.h"
#include "llvm/Object/ELFObjectFile.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/MathExtras.h"

using namespace llvm;
using object::ELFSectionRef;
using object::ELFSymbolRef;
using object::SectionRef;
using object::SymbolRef;

namespace cleave::codegen {

namespace {

/// A place in the image: the data's begin is known only when the text is whole.
struct Spot {
  bool inText = false;
  uint64_t offset = 0;
};

/// What a relocation refers to.
struct Referent {
  std::string import;       // a function of the runtime, or empty
  std::optional<Spot> spot; // else: where it lies
};

Error linkError(const Twine &message) { return createStringError(inconvertibleErrorCode(), message); }

uint64_t append(std::vector<uint8_t> &bytes, uint64_t align, uint64_t size, uint8_t fill) {
  uint64_t offset = alignTo(bytes.size(), std::max<uint64_t>(align, 1));
  bytes.resize(offset, fill);
  bytes.resize(offset + size, 0);
  return offset;
}

class Linker {
public:
  Error add(MemoryBufferRef buffer) {
    auto file = object::ObjectFile::createELFObjectFile(buffer);
    if (!file)
      return file.takeError();
    auto *elf = dyn_cast<object::ELF64LEObjectFile>(file->get());
    if (!elf || elf->getArch() != Triple::x86_64)
      return linkError("an object file is not ELF for x86-64");
    objects.push_back({std::move(*file), {}});
    for (SectionRef section : elf->sections())
      if (Error error = place(objects.back(), section))
        return error;
    return defineSymbols(objects.back());
  }

  Expected<rt::CodeImage> finish() {
    // Stubs and slots first: they move where the data begins.
    if (Error error = forEachRelocation(&Linker::reserve))
      return std::move(error);
    if (Error error = forEachRelocation(&Linker::apply))
      return std::move(error);
    if (Error error = finishSlots())
      return std::move(error);
    for (auto &[name, spot] : definitions)
      if (spot.inText)
        image.exports.push_back({name.str(), spot.offset});
    llvm::sort(image.exports, [](const auto &a, const auto &b) { return a.offset < b.offset; });
    return std::move(image);
  }

private:
  struct Object {
    std::unique_ptr<object::ObjectFile> file;
    std::map<uint64_t, Spot> sections; // by index
  };
  struct Site { // of a relocation
    Spot spot;
    uint64_t type;
    int64_t addend;
    Referent referent;
  };
  using Visitor = Error (Linker::*)(const Site &);

  Error place(Object &object, SectionRef section) {
    ELFSectionRef elf(section);
    Expected<StringRef> name = section.getName();
    if (!name)
      return name.takeError();
    // Nothing unwinds through a kernel.
    if (!(elf.getFlags() & ELF::SHF_ALLOC) || elf.getType() == ELF::SHT_NOTE || *name == ".eh_frame" ||
        section.getSize() == 0)
      return Error::success();
    bool isText = elf.getFlags() & ELF::SHF_EXECINSTR;
    bool isConstant = !(elf.getFlags() & ELF::SHF_WRITE) || name->starts_with(".data.rel.ro");
    if (!isConstant || (elf.getFlags() & ELF::SHF_TLS))
      return linkError("kernels hold no variables, found section " + *name);
    std::vector<uint8_t> &bytes = isText ? image.text : image.data;
    uint64_t offset = append(bytes, section.getAlignment().value(), section.getSize(), isText ? 0xcc : 0);
    object.sections[section.getIndex()] = {isText, offset};
    if (section.isBSS())
      return Error::success();
    Expected<StringRef> contents = section.getContents();
    if (!contents)
      return contents.takeError();
    llvm::copy(*contents, bytes.begin() + offset);
    return Error::success();
  }

  Error defineSymbols(Object &object) {
    for (SymbolRef symbol : object.file->symbols()) {
      Expected<uint32_t> flags = symbol.getFlags();
      if (!flags)
        return flags.takeError();
      if (!(*flags & SymbolRef::SF_Global) || (*flags & SymbolRef::SF_Undefined))
        continue;
      Expected<StringRef> name = symbol.getName();
      if (!name)
        return name.takeError();
      Expected<Referent> found = referentOf(object, symbol);
      if (!found)
        return found.takeError();
      if (!definitions.try_emplace(*name, *found->spot).second)
        return linkError("symbol " + *name + " is defined twice");
    }
    return Error::success();
  }

  Expected<Referent> referentOf(Object &object, SymbolRef symbol) {
    Expected<uint32_t> flags = symbol.getFlags();
    if (!flags)
      return flags.takeError();
    Expected<StringRef> name = symbol.getName();
    if (!name)
      return name.takeError();
    if (*flags & SymbolRef::SF_Undefined) {
      auto found = definitions.find(*name);
      if (found != definitions.end())
        return Referent{"", found->second};
      return Referent{name->str(), std::nullopt};
    }
    Expected<object::section_iterator> section = symbol.getSection();
    if (!section)
      return section.takeError();
    auto placed = *section == object.file->section_end() ? object.sections.end()
                                                         : object.sections.find((*section)->getIndex());
    if (placed == object.sections.end())
      return linkError("symbol " + *name + " lies in no section of the image");
    Expected<uint64_t> value = symbol.getValue();
    if (!value)
      return value.takeError();
    return Referent{"", Spot{placed->second.inText, placed->second.offset + *value}};
  }

  Error forEachRelocation(Visitor visit) {
    for (Object &object : objects)
      for (SectionRef section : object.file->sections()) {
        Expected<object::section_iterator> target = section.getRelocatedSection();
        if (!target)
          return target.takeError();
        auto placed = *target == object.file->section_end() ? object.sections.end()
                                                            : object.sections.find((*target)->getIndex());
        if (placed == object.sections.end())
          continue;
        for (object::ELFRelocationRef relocation : section.relocations()) {
          Expected<int64_t> addend = relocation.getAddend();
          if (!addend)
            return addend.takeError();
          Expected<Referent> referent = referentOf(object, *relocation.getSymbol());
          if (!referent)
            return referent.takeError();
          Spot spot = {placed->second.inText, placed->second.offset + relocation.getOffset()};
          if (Error error = (this->*visit)({spot, relocation.getType(), *addend, *referent}))
            return error;
        }
      }
    return Error::success();
  }

  static bool isThroughSlot(uint64_t type) {
    return type == ELF::R_X86_64_GOTPCREL || type == ELF::R_X86_64_GOTPCRELX ||
           type == ELF::R_X86_64_REX_GOTPCRELX;
  }

  /// Makes the slot, and the stub, that a reference goes through.
  Error reserve(const Site &site) {
    const std::string &import = site.referent.import;
    bool throughSlot = isThroughSlot(site.type);
    bool isCall = site.type == ELF::R_X86_64_PLT32 || site.type == ELF::R_X86_64_PC32;
    if (!import.empty() && (throughSlot || isCall) && !slots.count(import)) {
      slots[import] = append(image.data, 8, 8, 0);
      image.imports.push_back({import, slots[import]});
    }
    if (!import.empty() && isCall && !stubs.count(import)) {
      // jmp *slot(%rip), then padding
      uint64_t offset = append(image.text, 8, 8, 0xcc);
      const uint8_t code[8] = {0xff, 0x25, 0, 0, 0, 0, 0xcc, 0xcc};
      llvm::copy(code, image.text.begin() + offset);
      stubs[import] = offset;
      pendingStubs.emplace_back(offset, slots[import]);
    }
    if (import.empty() && throughSlot) {
      auto [slot, isNew] = localSlots.try_emplace({site.referent.spot->inText, site.referent.spot->offset});
      if (isNew)
        slot->second = append(image.data, 8, 8, 0);
    }
    return Error::success();
  }

  uint64_t addressOf(Spot spot) const { return spot.inText ? spot.offset : image.dataOffset() + spot.offset; }

  uint8_t *bytesAt(Spot spot) { return (spot.inText ? image.text : image.data).data() + spot.offset; }

  Error distance(Spot at, uint64_t target, int64_t addend) {
    int64_t value = static_cast<int64_t>(target - addressOf(at)) + addend;
    if (!isInt<32>(value))
      return linkError("code and constants are further apart than 2 GiB");
    support::endian::write32le(bytesAt(at), static_cast<uint32_t>(value));
    return Error::success();
  }

  Error apply(const Site &site) {
    const Referent &referent = site.referent;
    bool isImport = !referent.import.empty();
    switch (site.type) {
    case ELF::R_X86_64_PC32:
    case ELF::R_X86_64_PLT32:
      return distance(site.spot, isImport ? stubs[referent.import] : addressOf(*referent.spot), site.addend);
    case ELF::R_X86_64_GOTPCREL:
    case ELF::R_X86_64_GOTPCRELX:
    case ELF::R_X86_64_REX_GOTPCRELX: {
      uint64_t slot =
          isImport ? slots[referent.import] : localSlots[{referent.spot->inText, referent.spot->offset}];
      return distance(site.spot, image.dataOffset() + slot, site.addend);
    }
    case ELF::R_X86_64_64:
      return address(site);
    default:
      return linkError("relocation of type " +
                       object::getELFRelocationTypeName(ELF::EM_X86_64, static_cast<uint32_t>(site.type)));
    }
  }

  Error address(const Site &site) {
    if (site.spot.inText || site.spot.offset % 8 != 0)
      return linkError("an address stands in code, or is not aligned");
    if (site.referent.import.empty())
      image.relocations.push_back({site.spot.offset, addressOf(*site.referent.spot) + site.addend});
    else if (site.addend == 0)
      image.imports.push_back({site.referent.import, site.spot.offset});
    else
      return linkError("an address within " + site.referent.import);
    return Error::success();
  }

  /// Stubs and slots that hold addresses of the image itself, once nothing moves any more.
  Error finishSlots() {
    for (auto [stub, slot] : pendingStubs)
      if (Error error = distance({true, stub + 2}, image.dataOffset() + slot, -4))
        return error;
    for (auto &[target, slot] : localSlots)
      image.relocations.push_back({slot, addressOf({target.first, target.second})});
    return Error::success();
  }

  rt::CodeImage image;
  std::vector<Object> objects;
  StringMap<Spot> definitions;
  std::map<std::string, uint64_t> slots, stubs;
  std::map<std::pair<bool, uint64_t>, uint64_t> localSlots;
  std::vector<std::pair<uint64_t, uint64_t>> pendingStubs; // stub, slot
};

} // namespace

Expected<rt::CodeImage> link(ArrayRef<MemoryBufferRef> objects) {
  Linker linker;
  for (MemoryBufferRef object : objects)
    if (Error error = linker.add(object))
      return std::move(error);
  Expected<rt::CodeImage> image = linker.finish();
  if (!image)
    return image.takeError();
  if (rt::Status status = rt::verify(*image); !status)
    return linkError(status.error().message);
  return image;
}

} // namespace cleave::codegen
