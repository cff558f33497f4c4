// RUN: %cleave-opt --dist-propagate=plan=below --mlir-print-local-scope %s | %FileCheck %s --check-prefix=BELOW
// RUN: %cleave-opt --dist-propagate=plan=steps --mlir-print-local-scope %s | %FileCheck %s --check-prefix=STEPS

// A selector is about what it names and all below that; `*` is any one step; patterns are separated by commas. What an optimiser
// keeps is named by its parameter.

dist.mesh @m ["dp"] = [2]
dist.plan @below on @m hash "" {
  dist.store "optimizer" "net.up" over [#dist.axis<"dp">]
}
dist.plan @steps on @m hash "" {
  dist.store "params" "net.*.w, net.up.w.x" over [#dist.axis<"dp">]
}

model.state @net.up.w path "net.up.w" kind "param" : tensor<4xf32, #model.axes<A>>
model.state @net.upper path "net.upper" kind "param" : tensor<4xf32, #model.axes<A>>
model.state @optimizer.net.up.w.m path "optimizer.net.up.w.m" kind "optimizer" : tensor<4xf32, #model.axes<A>>
model.state @optimizer.net.upper.m path "optimizer.net.upper.m" kind "optimizer" : tensor<4xf32, #model.axes<A>>

// BELOW-LABEL: func.func @train
// BELOW-SAME: %arg0: tensor<4xf32, #model.axes<A>> {dist.layout = #dist.layout<@m, [{}]>
// BELOW-SAME: %arg1: tensor<4xf32, #model.axes<A>> {dist.layout = #dist.layout<@m, [{}]>
// BELOW-SAME: %arg2: tensor<4xf32, #model.axes<A>> {dist.layout = #dist.layout<@m, [{"dp"}]>
// BELOW-SAME: %arg3: tensor<4xf32, #model.axes<A>> {dist.layout = #dist.layout<@m, [{}]>
// STEPS-LABEL: func.func @train
// STEPS-SAME: %arg0: tensor<4xf32, #model.axes<A>> {dist.layout = #dist.layout<@m, [{"dp"}]>
// STEPS-SAME: %arg1: tensor<4xf32, #model.axes<A>> {dist.layout = #dist.layout<@m, [{}]>
func.func @train(%w: tensor<4xf32, #model.axes<A>> {model.state = @net.up.w},
                 %v: tensor<4xf32, #model.axes<A>> {model.state = @net.upper},
                 %m: tensor<4xf32, #model.axes<A>> {model.state = @optimizer.net.up.w.m},
                 %n: tensor<4xf32, #model.axes<A>> {model.state = @optimizer.net.upper.m})
    -> (tensor<4xf32, #model.axes<A>> {model.state = @optimizer.net.up.w.m},
        tensor<4xf32, #model.axes<A>> {model.state = @optimizer.net.upper.m}) attributes {model.entry} {
  return %m, %n : tensor<4xf32, #model.axes<A>>, tensor<4xf32, #model.axes<A>>
}
