// RUN: rm -rf %t && split-file %s %t
// RUN: cleave check --quiet %t/right.dsl
// RUN: not cleave check --quiet %t/unknown.dsl 2>&1 | FileCheck --check-prefix UNKNOWN %s
// RUN: not cleave check --quiet %t/circle.dsl 2>&1 | FileCheck --check-prefix CIRCLE %s
// RUN: not cleave check --quiet %t/inside.dsl 2>&1 | FileCheck --check-prefix INSIDE %s
// RUN: not cleave check --quiet %t/broken.dsl 2>&1 | FileCheck --check-prefix BROKEN %s
// RUN: not cleave check --quiet %t/absent.dsl 2>&1 | FileCheck --check-prefix ABSENT %s
// Modules: unknown ones, circles, names inside them, errors in them.

//--- right.dsl
import nn
import nn as n
import "helpers.dsl"
import "helpers.dsl" as h
axis N = 4
entry run(x: f32[N]) -> (y: f32[N]) { return helpers.double(h.double(nn.relu(n.relu(x)))) }

//--- helpers.dsl
function double[T: float, ...A](x: T[...A]) -> T[...A] { return 2 * x }

//--- unknown.dsl
// UNKNOWN: unknown.dsl:2:8: error[E103]: a module is a .dsl file or a folder of them, found no 'optm' beside this file or in the standard library
import optm
// UNKNOWN: hint: did you mean 'optim'?
// UNKNOWN: unknown.dsl:5:1: error[E103]: a module is a .dsl file or a folder of them, found no 'helper.dsl' beside this file
import "helper.dsl"

//--- circle.dsl
import "circle_other.dsl" as other

//--- circle_other.dsl
// CIRCLE: circle_other.dsl:2:1: error[E104]: modules do not import each other in a circle, found 'circle' again
import "circle.dsl" as back

//--- inside.dsl
import nn
import "helpers.dsl" as h
axis N = 4
// INSIDE: inside.dsl:5:60: error[E101]: a function or layer must be declared, found unknown name 'rleu' in module nn
entry first(x: f32[N]) -> (y: f32[N]) { return h.double(nn.rleu(x)) }
// INSIDE: hint: did you mean 'relu'?
// INSIDE: inside.dsl:8:51: error[E101]: a function or layer must be declared, found unknown name 'duoble' in module helpers
entry second(x: f32[N]) -> (y: f32[N]) { return h.duoble(x) }
// INSIDE: hint: did you mean 'double'?
// INSIDE: inside.dsl:11:48: error[E106]: a function or layer is called, found h, a module
entry third(x: f32[N]) -> (y: f32[N]) { return h(x) }

//--- broken.dsl
import "broken_helpers.dsl" as h

//--- broken_helpers.dsl
// BROKEN: broken_helpers.dsl:2:14: error[E001]: expected ':', found 'f32'
function f(x f32) -> f32 { return x }

//--- absent.dsl
// ABSENT: error[E101]: a function or layer must be declared, found unknown name 'nn'
axis N = 4
entry run(x: f32[N]) -> (y: f32[N]) { return nn.relu(x) }
