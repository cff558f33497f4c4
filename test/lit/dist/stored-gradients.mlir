// RUN: %cleave-opt --dist-propagate=plan=zero1 --mlir-print-local-scope %s | %FileCheck %s

// Where a gradient is computed that is stored in parts: the ranks sum over the rows they have and scatter the sums, or exchange
// rows and compute their parts, whichever sends less.

dist.mesh @mesh ["dp"] = [4] links [#dist.link<"memory", 8.0e+09 : f64, 5.0e-06 : f64, "process">]
dist.plan @zero1 on @mesh hash "" {
  dist.shard ["Few", "Many"] over [#dist.axis<"dp">]
  dist.store "optimizer" "" over [#dist.axis<"dp">]
}
model.state @m path "optimizer.w.m" kind "optimizer" : tensor<1024x512xf32, #model.axes<In, Out>>

// 64 rows of 1536 elements are less than 1024 x 512 sums.
// CHECK-LABEL: func.func @few_rows(
// CHECK: sum (d2: Few = 64)
// CHECK: dist.factors = [#dist.dim<{"dp"}>, #dist.dim<{}>, #dist.dim<{}>], dist.layouts = [#dist.layout<@mesh, [{"dp", ?}, {?}]>]
func.func @few_rows(%x: tensor<64x1024xf32, #model.axes<Few, In>> {model.input = "x"},
                  %y: tensor<64x512xf32, #model.axes<Few, Out>> {model.input = "y"},
                  %m: tensor<1024x512xf32, #model.axes<In, Out>> {model.state = @m})
    -> (tensor<1024x512xf32, #model.axes<In, Out>> {model.state = @m}) attributes {model.entry} {
  %g = model.index (i: In = 1024, o: Out = 512) sum (b: Few = 64)
         ins(%x[b, i], %y[b, o] : tensor<64x1024xf32, #model.axes<Few, In>>, tensor<64x512xf32, #model.axes<Few, Out>>) {
  ^bb0(%a: f32, %c: f32):
    %0 = arith.mulf %a, %c : f32
    model.yield %0 : f32
  } : tensor<1024x512xf32, #model.axes<In, Out>>
  %m1 = model.index (i: In = 1024, o: Out = 512)
         ins(%m[i, o], %g[i, o] : tensor<1024x512xf32, #model.axes<In, Out>>, tensor<1024x512xf32, #model.axes<In, Out>>) {
  ^bb0(%a: f32, %c: f32):
    %0 = arith.addf %a, %c : f32
    model.yield %0 : f32
  } : tensor<1024x512xf32, #model.axes<In, Out>>
  return %m1 : tensor<1024x512xf32, #model.axes<In, Out>>
}

// 2048 rows are more.
// CHECK-LABEL: func.func @many_rows(
// CHECK: sum (d2: Many = 2048)
// CHECK: dist.factors = [#dist.dim<{}>, #dist.dim<{}>, #dist.dim<{"dp"}>], dist.layouts = [#dist.layout<@mesh, [{"dp", ?}, {?}]>]
func.func @many_rows(%x: tensor<2048x1024xf32, #model.axes<Many, In>> {model.input = "x"},
                  %y: tensor<2048x512xf32, #model.axes<Many, Out>> {model.input = "y"},
                  %m: tensor<1024x512xf32, #model.axes<In, Out>> {model.state = @m})
    -> (tensor<1024x512xf32, #model.axes<In, Out>> {model.state = @m}) attributes {model.entry} {
  %g = model.index (i: In = 1024, o: Out = 512) sum (b: Many = 2048)
         ins(%x[b, i], %y[b, o] : tensor<2048x1024xf32, #model.axes<Many, In>>, tensor<2048x512xf32, #model.axes<Many, Out>>) {
  ^bb0(%a: f32, %c: f32):
    %0 = arith.mulf %a, %c : f32
    model.yield %0 : f32
  } : tensor<1024x512xf32, #model.axes<In, Out>>
  %m1 = model.index (i: In = 1024, o: Out = 512)
         ins(%m[i, o], %g[i, o] : tensor<1024x512xf32, #model.axes<In, Out>>, tensor<1024x512xf32, #model.axes<In, Out>>) {
  ^bb0(%a: f32, %c: f32):
    %0 = arith.addf %a, %c : f32
    model.yield %0 : f32
  } : tensor<1024x512xf32, #model.axes<In, Out>>
  return %m1 : tensor<1024x512xf32, #model.axes<In, Out>>
}

// Two messages for one: small gradients are not worth it.
// CHECK-LABEL: func.func @small(
// CHECK: sum (d2: Few = 64)
// CHECK: dist.factors = [#dist.dim<{}>, #dist.dim<{}>, #dist.dim<{"dp"}>], dist.layouts = [#dist.layout<@mesh, [{"dp", ?}, {?}]>]
model.state @s path "optimizer.s.m" kind "optimizer" : tensor<128x64xf32, #model.axes<Rows, Columns>>
func.func @small(%x: tensor<64x128xf32, #model.axes<Few, Rows>> {model.input = "x"},
                 %y: tensor<64x64xf32, #model.axes<Few, Columns>> {model.input = "y"},
                 %m: tensor<128x64xf32, #model.axes<Rows, Columns>> {model.state = @s})
    -> (tensor<128x64xf32, #model.axes<Rows, Columns>> {model.state = @s}) attributes {model.entry} {
  %g = model.index (i: Rows = 128, o: Columns = 64) sum (b: Few = 64)
         ins(%x[b, i], %y[b, o] : tensor<64x128xf32, #model.axes<Few, Rows>>, tensor<64x64xf32, #model.axes<Few, Columns>>) {
  ^bb0(%a: f32, %c: f32):
    %0 = arith.mulf %a, %c : f32
    model.yield %0 : f32
  } : tensor<128x64xf32, #model.axes<Rows, Columns>>
  %m1 = model.index (i: Rows = 128, o: Columns = 64)
         ins(%m[i, o], %g[i, o] : tensor<128x64xf32, #model.axes<Rows, Columns>>, tensor<128x64xf32, #model.axes<Rows, Columns>>) {
  ^bb0(%a: f32, %c: f32):
    %0 = arith.addf %a, %c : f32
    model.yield %0 : f32
  } : tensor<128x64xf32, #model.axes<Rows, Columns>>
  return %m1 : tensor<128x64xf32, #model.axes<Rows, Columns>>
}
