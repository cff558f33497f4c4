// RUN: not %cleave-opt --split-input-file --comm-partition=rank=0,0 %s 2>&1 | %FileCheck %s

dist.mesh @m ["dp", "tp"] = [2, 3]
// CHECK: an axis is divided by the mesh axes it is cut over, got: I of 7 over dp = 2
func.func @f(%x: tensor<7xf32, #model.axes<I>> {dist.layout = #dist.layout<@m, [{"dp"}]>}) {
  return
}

// -----
dist.mesh @m ["dp", "tp"] = [2, 3]
dist.plan @p on @m hash "" {
  dist.remainder ["I"] "uneven"
}
// CHECK: an axis that is cut in uneven blocks has an element for each, got: I of 5 over dp = 2, tp = 3
func.func @f(%x: tensor<5xf32, #model.axes<I>> {dist.layout = #dist.layout<@m, [{"dp", "tp"}]>}) {
  return
}

// -----
// The same are accepted padded.
dist.mesh @m ["dp", "tp"] = [2, 3]
dist.plan @p on @m hash "" {
  dist.remainder ["I"] "pad"
}
// CHECK: func.func @f(%arg0: tensor<1xf32
func.func @f(%x: tensor<5xf32, #model.axes<I>> {dist.layout = #dist.layout<@m, [{"dp", "tp"}]>}) {
  return
}
