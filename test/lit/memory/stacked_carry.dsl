// RUN: cleave ir %s --stage memory | FileCheck %s
// A loop of more turns than the model of memory runs, which stacks what it hands on: the carry lives in the stack, and the model
// knows that the last element of the turns it leaves out is what the next turn is handed.
axis Turns = 6, H = 5

entry f(x: f32[Turns, H], w: f32) -> (loss: f32, dw: f32) {
  let h0[k: H] = 0.0
  let (h, hs) = scan t over Turns carry (h = h0) {
    let total = sum(k: H) h[k]
    let g[k: H] = tanh(x[t, k] * w + h[k])
    next h = g * total
    yield g * total
  }
  let loss = (sum(k) h[k]) + (sum(t, k) hs[t, k])
  return loss, grad(loss, w)
}
// CHECK-LABEL: func.func @f
// CHECK: pipe.loop count 6 over "Turns" carries
// CHECK: arg_places = [{{.*}}#pipe.place<scratch, 0, [depth 0 * 20]>{{.*}}], places = [#pipe.place<scratch, 120>, #pipe.place<scratch, 20>
