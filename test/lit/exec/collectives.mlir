// RUN: %cleave-opt --plan-memory --verify-memory-stage --print-exec %s -o /dev/null | %FileCheck %s

// Meshes, blocks and collectives as the runtime reads them.
#reason = #comm.reason<"net.h", "forward", "net.h is summed over tp", "", loc("plan.dsl":3:5)>
module {
  dist.mesh @unused ["z"] = [3]
  dist.mesh @m ["dp", "tp"] = [2, 4]
  dist.plan @megatron on @m hash "3f" {
    dist.shard ["Batch"] over [#dist.axis<"dp">]
  }
  model.state @w path "net.w" kind "param" : tensor<2x6xf32, #model.axes<K, N>>
    {comm.global = tensor<8x6xf32, #model.axes<K, N>>, dist.layout = #dist.layout<@m, [{"tp"}, {}]>}
  model.state @b path "net.b" kind "param" : tensor<2xf32, #model.axes<N>>
    {comm.global = tensor<6xf32, #model.axes<N>>, dist.layout = #dist.layout<@m, [{"tp"}]>, comm.padded = array<i64: 2>}
  func.func @f(%x: tensor<3x8xi8, #model.axes<Batch, N>> {model.input = "x", model.type = "bool", dist.layout = #dist.layout<@m, [{"dp"}, {}]>,
                   comm.global = tensor<6x8xi1, #model.axes<Batch, N>>},
               %w: tensor<2x6xf32, #model.axes<K, N>> {model.state = @w}, %b: tensor<2xf32, #model.axes<N>> {model.state = @b})
      -> (tensor<3x2xi8, #model.axes<Batch, N>> {model.output = "y", model.type = "bool", dist.layout = #dist.layout<@m, [{"dp"}, {"tp"}]>,
              comm.global = tensor<6x8xi1, #model.axes<Batch, N>>},
          tensor<8x6xf32, #model.axes<K, N>> {model.output = "all"},
          tensor<i64> {model.output = "at"}) attributes {model.entry} {
    %any = comm.all_reduce max %x over @m [#dist.axis<"dp">] {model.type = "bool"} : tensor<3x8xi8, #model.axes<Batch, N>>
    %y = comm.slice %any dim 1 over @m [#dist.axis<"tp">] : tensor<3x8xi8, #model.axes<Batch, N>> -> tensor<3x2xi8, #model.axes<Batch, N>>
    %all = comm.all_gather %w dim 0 over @m [#dist.axis<"tp">] {reason = #reason} : tensor<2x6xf32, #model.axes<K, N>> -> tensor<8x6xf32, #model.axes<K, N>>
    %at = comm.offset 6 block 2 over @m [#dist.axis<"tp">] : tensor<i64>
    return %y, %all, %at : tensor<3x2xi8, #model.axes<Batch, N>>, tensor<8x6xf32, #model.axes<K, N>>, tensor<i64>
  }
  func.func @g(%x: tensor<4x8xf32, #model.axes<A, B>> {model.input = "x"})
      -> (tensor<6x8xf32, #model.axes<A, B>> {model.output = "halo"}, tensor<8x4xf32, #model.axes<A, B>> {model.output = "turned"},
          tensor<2x8xf32, #model.axes<A, B>> {model.output = "part"}, tensor<2x8xf32, #model.axes<A, B>> {model.output = "next"}) attributes {model.entry} {
    %sent = comm.broadcast %x root 1 over @m [#dist.axis<"dp">] : tensor<4x8xf32, #model.axes<A, B>>
    %halo = comm.halo %sent dim 0 low 2 high 0 extent 8 over @m [#dist.axis<"dp">] {fill = -1.5 : f32} : tensor<4x8xf32, #model.axes<A, B>> -> tensor<6x8xf32, #model.axes<A, B>>
    // Half of an axis.
    %turned = comm.all_to_all %sent split 1 concat 0 over @m [#dist.axis<"tp":(1)2>] : tensor<4x8xf32, #model.axes<A, B>> -> tensor<8x4xf32, #model.axes<A, B>>
    %part = comm.reduce_scatter sum %sent dim 0 over @m [#dist.axis<"tp":(2)2>] : tensor<4x8xf32, #model.axes<A, B>> -> tensor<2x8xf32, #model.axes<A, B>>
    %next = comm.permute %part from [-1, 0, 1, 2] over @m [#dist.axis<"tp">] : tensor<2x8xf32, #model.axes<A, B>> -> tensor<2x8xf32, #model.axes<A, B>>
    return %halo, %turned, %part, %next : tensor<6x8xf32, #model.axes<A, B>>, tensor<8x4xf32, #model.axes<A, B>>, tensor<2x8xf32, #model.axes<A, B>>, tensor<2x8xf32, #model.axes<A, B>>
  }
}
// CHECK: plan megatron 3f
// CHECK: mesh m ["dp" = 2, "tp" = 4]
// CHECK: @0 f32[K = 2, N = 6] of f32[K = 8, N = 6], 0 over "tp" param "net.w"
// CHECK: @64 f32[N = 2] of f32[N = 6], 0 over "tp" padded param "net.b"
// CHECK: input0 x: bool[Batch = 3, N = 8] of bool[Batch = 6, N = 8], 0 over "dp"
// CHECK: output0 y: bool[Batch = 3, N = 2] of bool[Batch = 6, N = 8], 0 over "dp", 1 over "tp"
// CHECK: output1 all: f32[K = 8, N = 6]{{$}}
// CHECK: 0 collective all_reduce max over "dp" (input0+0 bool[Batch = 3, N = 8] "x", scratch+0 bool[Batch = 3, N = 8] "x")
// CHECK: 1 collective slice over "tp" dim 1 (scratch+0 {{.*}}, output0+0
// CHECK: 2 collective all_gather over "tp" dim 0 "net.h" because net.h is summed over tp (state+0 f32[K = 2, N = 6] "net.w", output1+0 f32[K = 8, N = 6] "net.w")
// CHECK: 3 collective offset over "tp" of 6 padded (output2+0 i64)
// CHECK: entry g
// CHECK: 0 collective broadcast over "dp" root 1
// CHECK: 1 collective halo over "dp" dim 0 low 2 high 0 of 8 (scratch+0 f32[A = 4, B = 8] "x", output0+0 f32[A = 6, B = 8] "x")
// CHECK: 2 collective all_to_all over "tp":(1)2 dim 1 to 0
// CHECK: 3 collective reduce_scatter sum over "tp":(2)2 dim 0
// CHECK: 4 collective permute over "tp" 0->1 1->2 2->3
