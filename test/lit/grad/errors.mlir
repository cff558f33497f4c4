// RUN: %cleave-opt --model-gradients --split-input-file --verify-diagnostics %s

func.func @scattered(%x: tensor<3xf32, #model.axes<V>>, %u: tensor<2xf32, #model.axes<S>>, %i: tensor<2xi32, #model.axes<S>>) -> tensor<3xf32, #model.axes<V>> {
  // expected-error @+1 {{a gradient needs a scatter that sums, takes extrema or sets, got: prod}}
  %y = model.scatter prod %u into %x at (%i) affine_map<(s)[k] -> (k)> [affine_map<(s) -> (s)>] : tensor<2xf32, #model.axes<S>>, (tensor<2xi32, #model.axes<S>>) -> tensor<3xf32, #model.axes<V>>
  %l = model.index () sum (v: V = 3) ins(%y[v] : tensor<3xf32, #model.axes<V>>) {
  ^bb0(%a: f32):
    model.yield %a : f32
  } : tensor<f32>
  %g = model.gradient %l wrt (%x) : tensor<f32>, (tensor<3xf32, #model.axes<V>>) -> (tensor<3xf32, #model.axes<V>>)
  return %g : tensor<3xf32, #model.axes<V>>
}

// -----

// The twin that is accepted.
func.func @summed(%x: tensor<3xf32, #model.axes<V>>, %u: tensor<2xf32, #model.axes<S>>, %i: tensor<2xi32, #model.axes<S>>) -> tensor<3xf32, #model.axes<V>> {
  %y = model.scatter sum %u into %x at (%i) affine_map<(s)[k] -> (k)> [affine_map<(s) -> (s)>] : tensor<2xf32, #model.axes<S>>, (tensor<2xi32, #model.axes<S>>) -> tensor<3xf32, #model.axes<V>>
  %l = model.index () sum (v: V = 3) ins(%y[v] : tensor<3xf32, #model.axes<V>>) {
  ^bb0(%a: f32):
    model.yield %a : f32
  } : tensor<f32>
  %g = model.gradient %l wrt (%x) : tensor<f32>, (tensor<3xf32, #model.axes<V>>) -> (tensor<3xf32, #model.axes<V>>)
  return %g : tensor<3xf32, #model.axes<V>>
}

// -----

func.func @strange(%x: tensor<f32>) -> tensor<f32> {
  %l = model.index () ins(%x[] : tensor<f32>) {
  ^bb0(%a: f32):
    // expected-error @+1 {{a gradient needs the derivative of every scalar op on its way, got: math.cbrt}}
    %0 = math.cbrt %a : f32
    model.yield %0 : f32
  } : tensor<f32>
  %g = model.gradient %l wrt (%x) : tensor<f32>, (tensor<f32>) -> (tensor<f32>)
  return %g : tensor<f32>
}

// -----

func.func @whole_numbers(%x: tensor<i32>, %l: tensor<f32>) -> tensor<i32> {
  // expected-error @+1 {{differentiates by floating-point values, got: 'tensor<i32>'}}
  %g = model.gradient %l wrt (%x) : tensor<f32>, (tensor<i32>) -> (tensor<i32>)
  return %g : tensor<i32>
}
