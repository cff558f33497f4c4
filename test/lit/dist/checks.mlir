// RUN: %cleave-opt --verify-dist-stage -split-input-file -verify-diagnostics %s

// Each rejected module stands behind the accepted one that it was made from.

dist.mesh @m ["a", "b"] = [2, 2]
func.func @f(%x: tensor<8x8xf32, #model.axes<A, B>> {dist.layout = #dist.layout<@m, [{"a"}, {"b"}]>})
    -> (tensor<8xf32, #model.axes<A>> {dist.layout = #dist.layout<@m, [{"a", "b"}]>}) {
  // Pending over "b", and scattered there.
  %y = model.index (i: A = 8) sum (j: B = 8) ins(%x[i, j] : tensor<8x8xf32, #model.axes<A, B>>) {
  ^bb0(%e: f32):
    model.yield %e : f32
  } {dist.factors = [#dist.dim<{"a"}>, #dist.dim<{"b"}>], dist.layouts = [#dist.layout<@m, [{"a", "b"}]>]} : tensor<8xf32, #model.axes<A>>
  return %y : tensor<8xf32, #model.axes<A>>
}
// -----
dist.mesh @m ["a", "b"] = [2, 2]
func.func @f(%x: tensor<8x8xf32, #model.axes<A, B>> {dist.layout = #dist.layout<@m, [{"a"}, {"b"}]>})
    -> (tensor<8xf32, #model.axes<A>> {dist.layout = #dist.layout<@m, [{}]>}) {
  // expected-error @below {{a result is cut as it is computed, further, or where it is pending, found #dist.layout<@m, [{}]> for #dist.layout<@m, [{"a"}], partial = [sum {"b"}]>}}
  %y = model.index (i: A = 8) sum (j: B = 8) ins(%x[i, j] : tensor<8x8xf32, #model.axes<A, B>>) {
  ^bb0(%e: f32):
    model.yield %e : f32
  } {dist.factors = [#dist.dim<{"a"}>, #dist.dim<{"b"}>], dist.layouts = [#dist.layout<@m, [{}]>]} : tensor<8xf32, #model.axes<A>>
  return %y : tensor<8xf32, #model.axes<A>>
}
// -----
dist.mesh @m ["a", "b"] = [2, 2]
func.func @f(%x: tensor<8x8xf32, #model.axes<A, B>> {dist.layout = #dist.layout<@m, [{"a"}, {"b"}]>})
    -> (tensor<8xf32, #model.axes<A>> {dist.layout = #dist.layout<@m, [{}]>}) {
  // Said to be gathered.
  %y = model.index (i: A = 8) sum (j: B = 8) ins(%x[i, j] : tensor<8x8xf32, #model.axes<A, B>>) {
  ^bb0(%e: f32):
    model.yield %e : f32
  } {dist.factors = [#dist.dim<{"a"}>, #dist.dim<{"b"}>], dist.gathers, dist.layouts = [#dist.layout<@m, [{}]>]} : tensor<8xf32, #model.axes<A>>
  return %y : tensor<8xf32, #model.axes<A>>
}
// -----
dist.mesh @m ["a", "b"] = [2, 2]
func.func @f(%x: tensor<8x8xf32, #model.axes<A, B>> {dist.layout = #dist.layout<@m, [{"a"}, {"b"}]>})
    -> (tensor<8xf32, #model.axes<A>> {dist.layout = #dist.layout<@m, [{"a"}]>}) {
  // expected-error @below {{is computed twice over one mesh axis: "a"}}
  %y = model.index (i: A = 8) sum (j: B = 8) ins(%x[i, j] : tensor<8x8xf32, #model.axes<A, B>>) {
  ^bb0(%e: f32):
    model.yield %e : f32
  } {dist.factors = [#dist.dim<{"a"}>, #dist.dim<{"a"}>], dist.layouts = [#dist.layout<@m, [{"a"}]>]} : tensor<8xf32, #model.axes<A>>
  return %y : tensor<8xf32, #model.axes<A>>
}
// -----
dist.mesh @m ["a", "b"] = [2, 2]
func.func @f(%x: tensor<8x8xf32, #model.axes<A, B>> {dist.layout = #dist.layout<@m, [{"a"}, {"b"}]>})
    -> (tensor<8xf32, #model.axes<A>> {dist.layout = #dist.layout<@m, [{"a"}]>}) {
  // expected-error @below {{needs an entry of dist.factors for each of its 2 dims, got: 0}}
  %y = model.index (i: A = 8) sum (j: B = 8) ins(%x[i, j] : tensor<8x8xf32, #model.axes<A, B>>) {
  ^bb0(%e: f32):
    model.yield %e : f32
  } {dist.layouts = [#dist.layout<@m, [{"a"}]>]} : tensor<8xf32, #model.axes<A>>
  return %y : tensor<8xf32, #model.axes<A>>
}
// -----
dist.mesh @m ["a", "b"] = [2, 2]
func.func @f(%x: tensor<8x8xf32, #model.axes<A, B>> {dist.layout = #dist.layout<@m, [{"a"}, {}]>})
    -> (tensor<8x8xi32, #model.axes<A, B>> {dist.layout = #dist.layout<@m, [{"a"}, {}]>}) {
  %y = model.argsort %x {descending = false, dist.factors = [#dist.dim<{"a"}>, #dist.dim<{}>], dist.layouts = [#dist.layout<@m, [{"a"}, {}]>]}
         : tensor<8x8xf32, #model.axes<A, B>> -> tensor<8x8xi32, #model.axes<A, B>>
  return %y : tensor<8x8xi32, #model.axes<A, B>>
}
// -----
dist.mesh @m ["a", "b"] = [2, 2]
func.func @f(%x: tensor<8x8xf32, #model.axes<A, B>> {dist.layout = #dist.layout<@m, [{"a"}, {}]>})
    -> (tensor<8x8xi32, #model.axes<A, B>> {dist.layout = #dist.layout<@m, [{"a"}, {"b"}]>}) {
  // expected-error @below {{is cut along dim 1, which must be whole}}
  %y = model.argsort %x {descending = false, dist.factors = [#dist.dim<{"a"}>, #dist.dim<{"b"}>], dist.layouts = [#dist.layout<@m, [{"a"}, {"b"}]>]}
         : tensor<8x8xf32, #model.axes<A, B>> -> tensor<8x8xi32, #model.axes<A, B>>
  return %y : tensor<8x8xi32, #model.axes<A, B>>
}
// -----
dist.mesh @m ["a"] = [2]
func.func @f(%x: tensor<4xf32, #model.axes<A>> {dist.layout = #dist.layout<@m, [{"a"}]>})
    -> (tensor<4xf32, #model.axes<A>> {dist.layout = #dist.layout<@m, [{"a"}]>}) {
  %r = model.scan @turn count 3 over "L" consts() carries(%x) slices() {dist.layouts = [#dist.layout<@m, [{"a"}]>]}
         : (), (tensor<4xf32, #model.axes<A>>), () -> (tensor<4xf32, #model.axes<A>>)
  return %r : tensor<4xf32, #model.axes<A>>
}
func.func private @turn(%i: tensor<i64> {dist.layout = #dist.layout<@m, []>}, %x: tensor<4xf32, #model.axes<A>> {dist.layout = #dist.layout<@m, [{"a"}]>})
    -> (tensor<4xf32, #model.axes<A>> {dist.layout = #dist.layout<@m, [{"a"}]>}) {
  return %x : tensor<4xf32, #model.axes<A>>
}
// -----
dist.mesh @m ["a"] = [2]
func.func @f(%x: tensor<4xf32, #model.axes<A>> {dist.layout = #dist.layout<@m, [{"a"}]>})
    -> (tensor<4xf32, #model.axes<A>> {dist.layout = #dist.layout<@m, [{"a"}]>}) {
  // expected-error @below {{what a loop carries has one layout, found #dist.layout<@m, [{}]> and #dist.layout<@m, [{"a"}]>}}
  %r = model.scan @turn count 3 over "L" consts() carries(%x) slices() {dist.layouts = [#dist.layout<@m, [{"a"}]>]}
         : (), (tensor<4xf32, #model.axes<A>>), () -> (tensor<4xf32, #model.axes<A>>)
  return %r : tensor<4xf32, #model.axes<A>>
}
func.func private @turn(%i: tensor<i64> {dist.layout = #dist.layout<@m, []>}, %x: tensor<4xf32, #model.axes<A>> {dist.layout = #dist.layout<@m, [{}]>})
    -> (tensor<4xf32, #model.axes<A>> {dist.layout = #dist.layout<@m, [{"a"}]>}) {
  return %x : tensor<4xf32, #model.axes<A>>
}
// -----
dist.mesh @m ["a"] = [2]
// expected-error @below {{a value has a layout, found none for 'tensor<4xf32, #model.axes<A>>'}}
func.func @f(%x: tensor<4xf32, #model.axes<A>>) { return }
// -----
dist.mesh @m ["a"] = [2]
model.state @s path "s" kind "param" : tensor<4xf32, #model.axes<A>>
func.func @f(%x: tensor<4xf32, #model.axes<A>> {model.state = @s, dist.layout = #dist.layout<@m, [{"a"}]>}) { return }
// expected-error @below {{a state has one layout, found #dist.layout<@m, [{"a"}]> and #dist.layout<@m, [{}]>}}
func.func @g(%x: tensor<4xf32, #model.axes<A>> {model.state = @s, dist.layout = #dist.layout<@m, [{}]>}) { return }
