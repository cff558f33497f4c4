// RUN: %cleave-opt --convert-model-to-kernels --sched-chunks --sched-overlap --verify-sched-stage --split-input-file %s | %FileCheck %s
// RUN: %cleave-opt --convert-model-to-kernels --sched-chunks --sched-overlap --plan-memory --verify-memory-stage --split-input-file %s | %FileCheck %s --check-prefix MEMORY

// A product that feeds a sum: parts of its rows, each summed while the next is computed. Nothing is copied.
!x = tensor<512x1024xf32, #model.axes<B, I>>
!w = tensor<1024x512xf32, #model.axes<I, O>>
!y = tensor<512x512xf32, #model.axes<B, O>>
dist.mesh @m ["tp"] = [2] links [#dist.link<"network", 2.0e9 : f64, 5.0e-6 : f64, "cluster">]
// CHECK-LABEL: func.func @feeds
// CHECK: %[[X:.*]] = pipe.unpack %arg0 : (tensor<512x1024xf32, {{.*}}>) -> tensor<[[N:[248]]]x[[R:[0-9]+]]x1024xf32, #model.axes<Chunks, B, I>>
// CHECK: %[[L:.*]] = pipe.loop count [[N]] over "Chunks" carries() slices(%[[X]])
// CHECK: %[[P:.*]] = pipe.launch @product_0_part_[[N]](%{{.*}}, %arg1) : (tensor<[[R]]x1024xf32
// CHECK: comm.all_reduce sum %[[P]] {{.*}}{async
// CHECK: comm.wait %[[L]]
// CHECK: pipe.unpack
// CHECK: func.func private @product_0_part_{{[248]}}({{.*}}) -> tensor<{{[0-9]+}}x512xf32> attributes {cleave.kernel, cleave.rows = array<i64: {{[0-9]+}}, 512>}
// CHECK-NOT: func.func private @product_0(
// MEMORY-LABEL: func.func @feeds
// MEMORY-NOT: pipe.copy
// MEMORY: return
func.func @feeds(%x: !x {model.input = "x"}, %w: !w {model.input = "w"}) -> (!y {model.output = "y"}) attributes {model.entry} {
  %y = model.index (b: B = 512, o: O = 512) sum (i: I = 1024) ins(%x[b, i], %w[i, o] : !x, !w) {
  ^bb0(%a: f32, %c: f32):
    %0 = arith.mulf %a, %c : f32
    model.yield %0 : f32
  } : !y
  %s = comm.all_reduce sum %y over @m [#dist.axis<"tp">] : !y
  return %s : !y
}

// -----

// A gather that feeds a product: a part is gathered while the one before is multiplied.
!part = tensor<512x512xf32, #model.axes<B, I>>
!x = tensor<512x1024xf32, #model.axes<B, I>>
!w = tensor<1024x512xf32, #model.axes<I, O>>
!y = tensor<512x512xf32, #model.axes<B, O>>
dist.mesh @m ["tp"] = [2] links [#dist.link<"network", 2.0e9 : f64, 5.0e-6 : f64, "cluster">]
// CHECK-LABEL: func.func @eats
// CHECK: pipe.loop count [[N:[248]]] over "Chunks"
// CHECK: %[[A:.*]] = comm.all_gather %{{.*}} dim 1 over @m [#dist.axis<"tp">] {ahead
// CHECK-NEXT: pipe.launch @product_0_part_[[N]](%[[A]], %arg1)
func.func @eats(%x: !part {model.input = "x"}, %w: !w {model.input = "w"}) -> (!y {model.output = "y"}) attributes {model.entry} {
  %a = comm.all_gather %x dim 1 over @m [#dist.axis<"tp">] : !part -> !x
  %y = model.index (b: B = 512, o: O = 512) sum (i: I = 1024) ins(%a[b, i], %w[i, o] : !x, !w) {
  ^bb0(%p: f32, %c: f32):
    %0 = arith.mulf %p, %c : f32
    model.yield %0 : f32
  } : !y
  return %y : !y
}

// -----

// A gather of the rows themselves is not cut, nor is a product whose argument has its rows elsewhere.
!part = tensor<256x1024xf32, #model.axes<B, I>>
!x = tensor<512x1024xf32, #model.axes<B, I>>
!t = tensor<1024x512xf32, #model.axes<I, B>>
!w = tensor<1024x512xf32, #model.axes<I, O>>
!y = tensor<512x512xf32, #model.axes<B, O>>
dist.mesh @m ["tp"] = [2] links [#dist.link<"network", 2.0e9 : f64, 5.0e-6 : f64, "cluster">]
// CHECK-LABEL: func.func @rows
// CHECK-NOT: pipe.loop
// CHECK-LABEL: func.func @turned
// CHECK-NOT: pipe.loop
func.func @rows(%x: !part {model.input = "x"}, %w: !w {model.input = "w"}) -> (!y {model.output = "y"}) attributes {model.entry} {
  %a = comm.all_gather %x dim 0 over @m [#dist.axis<"tp">] : !part -> !x
  %y = model.index (b: B = 512, o: O = 512) sum (i: I = 1024) ins(%a[b, i], %w[i, o] : !x, !w) {
  ^bb0(%p: f32, %c: f32):
    %0 = arith.mulf %p, %c : f32
    model.yield %0 : f32
  } : !y
  return %y : !y
}
func.func @turned(%x: !t {model.input = "x"}, %w: !w {model.input = "w"}) -> (!y {model.output = "y"}) attributes {model.entry} {
  %y = model.index (b: B = 512, o: O = 512) sum (i: I = 1024) ins(%x[i, b], %w[i, o] : !t, !w) {
  ^bb0(%p: f32, %c: f32):
    %0 = arith.mulf %p, %c : f32
    model.yield %0 : f32
  } : !y
  %s = comm.all_reduce sum %y over @m [#dist.axis<"tp">] : !y
  return %s : !y
}

// -----

// Where latency costs more than is hidden it stays whole.
!x = tensor<16x64xf32, #model.axes<B, I>>
!w = tensor<64x16xf32, #model.axes<I, O>>
!y = tensor<16x16xf32, #model.axes<B, O>>
dist.mesh @m ["tp"] = [2] links [#dist.link<"network", 2.0e9 : f64, 5.0e-6 : f64, "cluster">]
// CHECK-LABEL: func.func @small
// CHECK-NOT: pipe.loop
func.func @small(%x: !x {model.input = "x"}, %w: !w {model.input = "w"}) -> (!y {model.output = "y"}) attributes {model.entry} {
  %y = model.index (b: B = 16, o: O = 16) sum (i: I = 64) ins(%x[b, i], %w[i, o] : !x, !w) {
  ^bb0(%a: f32, %c: f32):
    %0 = arith.mulf %a, %c : f32
    model.yield %0 : f32
  } : !y
  %s = comm.all_reduce sum %y over @m [#dist.axis<"tp">] : !y
  return %s : !y
}
