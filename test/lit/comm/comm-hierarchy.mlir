// RUN: %cleave-opt --comm-hierarchy --comm-verify --split-input-file %s | %FileCheck %s

// A sum over both kinds of links: inside, a part across, inside.
!t = tensor<1024x512xf32, #model.axes<I, J>>
dist.mesh @m ["node", "gpu"] = [2, 4] links [#dist.link<"network", 1.2e10 : f64, 2.0e-5 : f64, "cluster">, #dist.link<"nvlink", 4.5e11 : f64, 2.0e-6 : f64, "node">]
// CHECK-LABEL: func.func @sum
// CHECK: %[[S:.*]] = comm.reduce_scatter sum %arg0 dim 0 over @m [#dist.axis<"gpu">] {reason = #comm.reason<"w", "backward", "why; the fast links sum first", "", #loc>} : tensor<1024x512xf32{{.*}} -> tensor<256x512xf32
// CHECK-NEXT: %[[A:.*]] = comm.all_reduce sum %[[S]] over @m [#dist.axis<"node">]
// CHECK-NEXT: comm.all_gather %[[A]] dim 0 over @m [#dist.axis<"gpu">]
func.func @sum(%x: !t) -> !t {
  %y = comm.all_reduce sum %x over @m [#dist.axis<"node">, #dist.axis<"gpu">] {reason = #comm.reason<"w", "backward", "why", "", loc(unknown)>} : !t
  return %y : !t
}

// Where latencies cost more than bytes it stays one message, and so does one that no member can have a part of.
// CHECK-LABEL: func.func @short
// CHECK-COUNT-2: comm.all_reduce sum %{{.*}} over @m [#dist.axis<"node">, #dist.axis<"gpu">]
// CHECK-NOT: comm.reduce_scatter
func.func @short(%x: tensor<f32, #model.axes<>>, %y: tensor<10007x3xf32, #model.axes<P, Q>>) -> (tensor<f32, #model.axes<>>, tensor<10007x3xf32, #model.axes<P, Q>>) {
  %a = comm.all_reduce sum %x over @m [#dist.axis<"node">, #dist.axis<"gpu">] : tensor<f32, #model.axes<>>
  %b = comm.all_reduce sum %y over @m [#dist.axis<"node">, #dist.axis<"gpu">] : tensor<10007x3xf32, #model.axes<P, Q>>
  return %a, %b : tensor<f32, #model.axes<>>, tensor<10007x3xf32, #model.axes<P, Q>>
}

// -----

// A plan forbids it.
!t = tensor<1024x512xf32, #model.axes<I, J>>
dist.mesh @m ["node", "gpu"] = [2, 4] links [#dist.link<"network", 1.2e10 : f64, 2.0e-5 : f64, "cluster">, #dist.link<"nvlink", 4.5e11 : f64, 2.0e-6 : f64, "node">]
dist.plan @p on @m hash "" { dist.overlap never ["hierarchy"] }
// CHECK-LABEL: func.func @never
// CHECK-NEXT: comm.all_reduce
// CHECK-NEXT: return
func.func @never(%x: !t) -> !t {
  %y = comm.all_reduce sum %x over @m [#dist.axis<"node">, #dist.axis<"gpu">] : !t
  return %y : !t
}

// -----

// Links of one kind have no levels.
!t = tensor<1024x512xf32, #model.axes<I, J>>
dist.mesh @m ["a", "b"] = [2, 4] links [#dist.link<"network", 1.2e10 : f64, 2.0e-5 : f64, "cluster">, #dist.link<"network", 1.2e10 : f64, 2.0e-5 : f64, "cluster">]
// CHECK-LABEL: func.func @flat
// CHECK-NEXT: comm.all_reduce
// CHECK-NEXT: return
func.func @flat(%x: !t) -> !t {
  %y = comm.all_reduce sum %x over @m [#dist.axis<"a">, #dist.axis<"b">] : !t
  return %y : !t
}
