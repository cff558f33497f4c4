// RUN: %cleave-opt --print-exec %s -o /dev/null | %FileCheck %s

// Every kind of instruction, from places to addresses.
module attributes {pipe.state_bytes = 64 : i64} {
  model.data @text kind "tokens" {paths = ["a.bin"], type = "u16"}
  model.state @w path "net.w" kind "param" : tensor<4xf32, #model.axes<N>> {pipe.offset = 0 : i64}
  func.func private @k(%a: tensor<4xf32>) -> tensor<4xf32>
    attributes {cleave.kernel, cleave.rows = array<i64: 4>, cleave.row_count = 4 : i64, cleave.grain = 2 : i64}
  func.func @f(%w: tensor<4xf32, #model.axes<N>> {model.state = @w, pipe.place = #pipe.place<state, 0>},
               %x: tensor<4xi8> {model.input = "x", model.type = "u8", model.source = @text, model.ordered, pipe.place = #pipe.place<input 0, 0>},
               %c: tensor<i8> {model.input = "c", model.type = "bool", pipe.place = #pipe.place<input 1, 0>})
      -> (tensor<4xf32> {model.output = "y", pipe.place = #pipe.place<output 0, 0>},
          tensor<3x4xf32> {model.output = "all", pipe.place = #pipe.place<output 1, 0>})
      attributes {model.entry, pipe.scratch_bytes = 128 : i64} {
    %d = pipe.constant dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32> {places = [#pipe.place<constant, 64>]}
    %0 = pipe.copy %d {places = [#pipe.place<output 0, 0>]} : tensor<4xf32>
    %1:2 = pipe.loop count 3 over "T" reverse carries(%0) slices() {
    ^bb0(%i: tensor<i64>, %h: tensor<4xf32>):
      %2 = pipe.if %c {
        %3 = pipe.launch @k(%h) {places = [#pipe.place<scratch, 0>]} : (tensor<4xf32>) -> tensor<4xf32>
        pipe.yield %3 : tensor<4xf32>
      } else {
        %3 = pipe.copy %w {places = [#pipe.place<scratch, 0>]} : tensor<4xf32, #model.axes<N>>
        pipe.yield %3 : tensor<4xf32, #model.axes<N>>
      } {places = [#pipe.place<scratch, 0>]} : tensor<i8> -> (tensor<4xf32>)
      %4 = pipe.copy %2 {places = [#pipe.place<output 1, 0, [depth 0 * 16]>]} : tensor<4xf32>
      pipe.print "i"(%i, %c) {types = ["", "bool"]} : (tensor<i64>, tensor<i8>)
      pipe.yield %h, %4 : tensor<4xf32>, tensor<4xf32>
    } {arg_places = [#pipe.place<scratch, 64>, #pipe.place<output 0, 0>],
       places = [#pipe.place<output 0, 0>, #pipe.place<output 1, 0>]} : (tensor<4xf32>), () -> (tensor<4xf32>, tensor<3x4xf32>)
    pipe.assert %c, "c holds" : tensor<i8>
    return %1#0, %1#1 : tensor<4xf32>, tensor<3x4xf32>
  }
}
// CHECK: state 64 bytes
// CHECK: @0 f32[N = 4] param "net.w"
// CHECK: kernel 0 k rows 4 grain 2 f32{{$}}
// CHECK: entry f scratch 128 bytes
// CHECK: input0 x: u8[4]
// CHECK: input1 c: bool
// CHECK: output1 all: f32[3, 4]
// CHECK: 0 copy (constant+64 f32[4], output0+0 f32[4])
// CHECK: 1 loop 3 times reverse to 9
// CHECK: 2 counter (scratch+64 i64)
// CHECK: 3 branch (input1+0 bool "c") else to 6
// CHECK: 4 launch k (output0+0 f32[4]) -> (scratch+0 f32[4])
// CHECK: 5 jump to 7
// CHECK: 6 copy (state+0 f32[N = 4] "net.w", scratch+0 f32[N = 4] "net.w")
// CHECK: 7 copy (scratch+0 f32[4], output1+0 +16*c0 f32[4])
// CHECK: 8 print (scratch+64 i64, input1+0 bool "c") "i"
// CHECK: 9 end of 1
// CHECK: 10 assert (input1+0 bool "c") "c holds"
