// RUN: %cleave-opt --plan-memory --print-memory %s -o /dev/null | %FileCheck %s

// What takes the memory, by kind and by value.
module {
  model.state @w path "net.w" kind "param" : tensor<64xf32, #model.axes<N>>
  model.state @m path "optimizer.net.w.m" kind "optimizer" : tensor<64xf32, #model.axes<N>>
  func.func private @k(%a: tensor<64xf32>) -> tensor<64xf32> attributes {cleave.kernel, cleave.rows = array<i64: 64>}
  func.func private @sum(%a: tensor<64xf32>, %b: tensor<64xf32>) -> tensor<64xf32> attributes {cleave.kernel, cleave.rows = array<i64: 64>}
  func.func @eval(%w: tensor<64xf32, #model.axes<N>> {model.state = @w}, %x: tensor<64xf32> {model.input = "x"})
      -> (tensor<64xf32> {model.output = "y"}) attributes {model.entry} {
    %a = pipe.launch @k(%w) {names = ["net.hidden"]} : (tensor<64xf32, #model.axes<N>>) -> tensor<64xf32, #model.axes<N>>
    %b = pipe.launch @k(%x) : (tensor<64xf32>) -> tensor<64xf32>
    %c = pipe.launch @sum(%a, %b) : (tensor<64xf32, #model.axes<N>>, tensor<64xf32>) -> tensor<64xf32>
    return %c : tensor<64xf32>
  }
}
// CHECK: peak 1536 bytes
// CHECK: state 512
// CHECK: state param 256
// CHECK: state optimizer 256
// CHECK: 256 net.w: f32[N 64] at {{.*}}report.mlir:5:3
// CHECK: entry eval: scratch 512 of which alive at once 512, inputs 256, outputs 256
// CHECK: 256 net.hidden: f32[N 64] at {{.*}}report.mlir
// CHECK: 256 result of k: f32[64]
