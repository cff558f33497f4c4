// RUN: %cleave ir --stage model %s | %FileCheck %s
// A gather by i32 is checked when run; bytes cannot leave a table of 256 rows.
axis Batch = 4, Vocab = 256, Few = 10, Embed = 2

entry f(ids: i32[Batch], text: u8[Batch], few: f32[Few, Embed], all: f32[Vocab, Embed])
    -> (a: f32[Batch, Embed], b: f32[Batch, Embed]) {
  let a[n, e] = few[ids[n], e]
  let b[n, e] = all[text[n], e]
  return a, b
}

// CHECK-DAG: #[[TABLE:.*]] = affine_map<(d0, d1)[s0] -> (s0, d1)>
// CHECK-DAG: #[[INDEX:.*]] = affine_map<(d0, d1) -> (d0)>
// CHECK-LABEL: func.func @f
// CHECK: %[[ANY:.*]] = model.index () max (d0: Batch = 4) ins(%arg0[d0]
// CHECK: %[[FINE:.*]] = model.index () ins(%[[ANY]][]
// CHECK: model.assert %[[FINE]], "a position must be inside the table f32[Few, Embed]"
// CHECK: model.gather %arg2 at(%arg0) #[[TABLE]] [#[[INDEX]]]
// CHECK-NOT: model.assert
// CHECK: %[[WIDE:.*]] = model.index (d0: Batch = 4) ins(%arg1[d0]
// CHECK: arith.extui
// CHECK: model.gather %arg3 at(%[[WIDE]]) #[[TABLE]] [#[[INDEX]]]
