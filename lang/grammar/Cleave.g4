// The grammar of Cleave programs (.dsl files).
//
// Decisions that shape it (more in lang/README.md):
//  - Newlines mean nothing. Every item and statement begins with a keyword and no expression can be followed by
//    another without punctuation, so the grammar is LL(1) nearly everywhere and an error resynchronises at the next
//    keyword.
//  - Binary operators are a flat list here and get their precedence in lang/syntax (tightest first):
//      unary - !   |   * / %   |   reductions (`sum(i)` takes the products that follow)   |   + -
//      |   < <= > >= == !=   |   &&   |   ||
//    A flat list parses faster than a ladder of rules and cannot overflow the stack.
//  - Element types (f32, ...) and built-in functions are ordinary names: they need no keywords.
//  - `return y[b, s] = e` and `nn.pool[Out](x)` are parsed as subscripts and told apart afterwards.
//  - `sum`, `max`, ... are keywords only before an opening bracket: `normal(mean: 0)` and `let max = ...` are names.
grammar Cleave;

@lexer::members {
// Whether a bracket follows, spaces and comments aside. The characters matched so far are consumed.
bool opensList() {
  ssize_t i = 1;
  auto at = [&](ssize_t k) { return static_cast<size_t>(_input->LA(k)); };
  for (;; ++i) {
    if (at(i) == '/' && at(i + 1) == '/')
      while (at(i + 1) != '\n' && at(i + 1) != '\r' && at(i + 1) != EOF)
        ++i;
    else if (at(i) != ' ' && at(i) != '\t' && at(i) != '\r' && at(i) != '\n')
      break;
  }
  return at(i) == '(';
}
}

program : item* EOF ;

item
  : importItem | axisItem | hyperItem | dataItem | functionItem | layerItem | stateStatement | entryItem
  | weightsItem | linkItem | meshItem | planItem
  ;

importItem : IMPORT ( path | STRING ) ( AS name )? ;

axisItem : AXIS axisBinding ( ',' axisBinding )* ;
axisBinding : name ( '=' expression )? ;

hyperItem : HYPER hyperBinding ( ',' hyperBinding )* ;
hyperBinding : name ( ':' type )? '=' expression ;

dataItem : DATA name '=' expression ;

functionItem
  : ( COMPOSITE | LOCAL )? FUNCTION name generics? parameters results? block ( BACKWARD '(' nameList ')' block )?
  ;

// A layer's definition, or (`layer gpt = Gpt`) an instance of one.
layerItem : LAYER name ( layerDefinition | layerInstance ) ;
layerDefinition : generics? parameters results? block ;
layerInstance : ( ',' name )* '=' layerTarget ;
layerTarget : path ( '[' genericArgument ( ',' genericArgument )* ']' )? ;
genericArgument : ( name ':' )? ( path | '...' name ) ;

entryItem : ENTRY name ( WITH '(' rebinding ( ',' rebinding )* ')' )? parameters results? block ;
rebinding : name '=' expression ;

// Where the parameters of a layer lie in published files.
weightsItem : WEIGHTS name FOR path ( FROM nameList )? ( UNDER STRING ( ',' STRING )* )? weightBlock ;
weightBlock : '{' weightRow* '}' ;
weightRow
  : ( PARAM | STATE ) weightStep ( '.' weightStep )* '=' weightSource ( ELSE weightSource )*
  | IGNORE STRING ( ',' STRING )*
  ;
weightStep : name ( '[' ( name ( ',' name )* )? ']' )? ;
weightSource : STRING ( '[' ( weightPosition ( ',' weightPosition )* )? ']' )? ;
// `(h, d)`: two axes that the file has merged into one. Offsets: `(h, d) + Embed`, `3 * h + 1`.
weightPosition : '(' name ( ',' name )+ ')' ( '+' expression )? | expression ;

// A class of links between ranks.
linkItem : LINK name '(' arguments ')' ;

meshItem : MESH name meshAxes ;
meshAxes : '(' meshAxis ( ',' meshAxis )* ')' ;
meshAxis : name ( ':' expression )? ( OVER path )? ;

// How a program is spread over a mesh: `plan a for gpt on mesh(dp: 2) { ... }`, or (`plan a = plans.data(dp: 4)`) another
// plan on sizes of its own.
planItem
  : PLAN name ( FOR path )? ( EXTENDS path )? ( ON planMesh )? planBlock
  | PLAN name '=' path meshAxes?
  ;
planMesh : MESH meshAxes | path meshAxes? ;
planBlock : '{' tactic* '}' ;
tactic
  : SHARD path ( ',' path )* OVER meshUse ( ',' meshUse )*
  | LAYOUT selector ':' layout
  | REPLICATE selector ( ',' selector )* ( OVER meshUse ( ',' meshUse )* )?
  | STORE name ( ',' name )* ( OF selector ( ',' selector )* )? OVER meshUse ( ',' meshUse )*
  | ACCUMULATE expression OF path
  | ( RECOMPUTE | SAVE ) selector ( ',' selector )*
  | REMAINDER name ( FOR path ( ',' path )* )?
  | OVERLAP NO? name ( ',' name )*
  | ALLOW name '<=' quantity
  | ASSERT NO collective
  | ASSERT name ( '(' collective ')' )? '<=' quantity
  | ASSERT EQUIVALENT TO path meshAxes?
  | MANUAL path '(' manualPort ( ',' manualPort )* ')' '->' manualResults '=' path ( OVER meshUse ( ',' meshUse )* )?
  ;
// `tp[1:2]`: the part of `tp` of size 2 that 1 part lies before.
meshUse : name ( '[' INTEGER ':' INTEGER ']' )? ;
collective : name ( OVER meshUse ( ',' meshUse )* )? ( IN selector )? ;
quantity : ( INTEGER | FLOAT ) IDENTIFIER? ;
selector : selectorStep ( '.' selectorStep )* ;
// `blocks[*]`, `blocks[3]`, `blocks[0..3]`: all layers of a repeat, one, those from 0 up to before 3.
selectorStep : ( name | '*' ) ( '[' ( '*' | expression ( '..' expression )? ) ']' )? ;
layout : '[' ( layoutDim ( ',' layoutDim )* )? ']' layoutPartial* ;
layoutDim : '...' name | path ( '/' meshUse )* '?'? ;
layoutPartial : PARTIAL name OVER meshUse ( ',' meshUse )* ;
manualPort : name ':' layout ;
manualResults : layout | '(' layout ( ',' layout )* ')' ;

generics : '[' genericParameter ( ',' genericParameter )* ']' ;
genericParameter : '...' name | name ( ':' name | '=' expression )? ;

parameters : '(' ( parameter ( ',' parameter )* )? ')' ;
parameter : nameList ':' ( AXIS name | type ) ( FROM path ( IN ORDER )? )? ( '=' expression )? ;

results : '->' ( type | '(' result ( ',' result )* ')' ) ;
result : ( name ':' )? type ;

type : path ( '[' ( typeAxis ( ',' typeAxis )* )? ']' )? ;
typeAxis : '...' name | path ;

block : '{' statement* '}' ;

statement
  : letStatement
  | paramStatement
  | stateStatement
  | setStatement
  | layerStatement
  | repeatStatement
  | updateStatement
  | returnStatement
  | printStatement
  | assertStatement
  | nextStatement
  | yieldStatement
  ;

letStatement : ( LET | RESIDUAL ) ( nameTuple | name pattern? ( ':' type )? ) '=' expression ;
nameTuple : '(' name ( ',' name )* ')' ;
paramStatement : PARAM nameList pattern? ':' type '=' expression ;
stateStatement : STATE nameList pattern? ':' type '=' expression ;
setStatement : SET name pattern? '=' expression ;
layerStatement : LAYER nameList '=' layerTarget ;
repeatStatement : REPEAT name '[' path ']' '=' layerTarget ;
updateStatement : UPDATE path WITH path '(' arguments? ')' ;
returnStatement : RETURN ( returnValue ( ',' returnValue )* )? ;
returnValue : expression ( '=' expression )? ;
printStatement : PRINT '(' STRING ( ',' expression )* ')' ;
assertStatement : ASSERT '(' expression ( ',' STRING )? ')' ;
nextStatement : NEXT carryBinding ( ',' carryBinding )* ;
yieldStatement : YIELD expression ( ',' expression )* ;

pattern : '[' ( patternItem ( ',' patternItem )* )? ']' ;
patternItem : '...' name ( ':' '...' name )? | name ( ':' path )? ;

expression : operand ( binaryOperator operand )* ;
binaryOperator
  : '+' | '-' | '*' | '/' | '%' | '<' | '<=' | '>' | '>=' | '==' | '!=' | '&&' | '||'
  ;
operand : prefix* primary suffix* ;
prefix : '-' | '!' | reduction ;
reduction
  : ( SUM | MAX | MIN | MEAN | PROD | ARGMAX | ARGMIN ) '(' patternItem ( ',' patternItem )* ')'
  ;
suffix
  : '[' ( subscript ( ',' subscript )* )? ']' ( OUTSIDE outsideValue )?
  | '(' arguments? ')'
  | '.' name
  ;
subscript : '...' name ( ':' '...' name )? | ( name ':' )? expression ;
outsideValue : '-'? ( INTEGER | FLOAT | INF | TRUE | FALSE | name | '(' expression ')' ) ;
arguments : argument ( ',' argument )* ;
argument : ( name ':' )? expression ;

primary
  : INTEGER | FLOAT | STRING | INF | TRUE | FALSE
  | name
  | '(' expression ')'
  | ifExpression
  | scanExpression
  | whileExpression
  | scatterExpression
  ;

ifExpression : IF expression block ELSE ( block | ifExpression ) ;
scanExpression : SCAN name OVER path carries? block ;
whileExpression : WHILE expression BOUND expression carries block ;
carries : CARRY '(' carryBinding ( ',' carryBinding )* ')' ;
carryBinding : name '=' expression ;
scatterExpression
  : SCATTER ( SUM | MAX | MIN | SET ) '(' ( patternItem ( ',' patternItem )* )? ')' expression
    AT scatterTarget ( ',' scatterTarget )* ( INTO expression )?
  ;
scatterTarget : name '=' expression ;

path : name ( '.' name )* ;
nameList : name ( ',' name )* ;

// Words that are keywords in one place only can be names everywhere.
name
  : IDENTIFIER | OVER | ORDER | IN | INTO | AT | BOUND | FROM | AS | WITH | DATA | SET | STATE | WEIGHTS | FOR | UNDER
  | IGNORE | LINK | MESH | PLAN | EXTENDS | ON | SHARD | LAYOUT | REPLICATE | STORE | OF | ACCUMULATE | RECOMPUTE | SAVE
  | REMAINDER | OVERLAP | ALLOW | NO | MANUAL | PARTIAL | LOCAL | EQUIVALENT | TO
  ;

IMPORT : 'import' ;
AS : 'as' ;
AXIS : 'axis' ;
HYPER : 'hyper' ;
DATA : 'data' ;
COMPOSITE : 'composite' ;
FUNCTION : 'function' ;
BACKWARD : 'backward' ;
RESIDUAL : 'residual' ;
LAYER : 'layer' ;
ENTRY : 'entry' ;
WEIGHTS : 'weights' ;
FOR : 'for' ;
UNDER : 'under' ;
IGNORE : 'ignore' ;
LINK : 'link' ;
MESH : 'mesh' ;
PLAN : 'plan' ;
EXTENDS : 'extends' ;
ON : 'on' ;
SHARD : 'shard' ;
LAYOUT : 'layout' ;
REPLICATE : 'replicate' ;
STORE : 'store' ;
OF : 'of' ;
ACCUMULATE : 'accumulate' ;
RECOMPUTE : 'recompute' ;
SAVE : 'save' ;
REMAINDER : 'remainder' ;
OVERLAP : 'overlap' ;
ALLOW : 'allow' ;
NO : 'no' ;
MANUAL : 'manual' ;
LOCAL : 'local' ;
PARTIAL : 'partial' ;
EQUIVALENT : 'equivalent' ;
TO : 'to' ;
WITH : 'with' ;
FROM : 'from' ;
IN : 'in' ;
ORDER : 'order' ;
LET : 'let' ;
PARAM : 'param' ;
STATE : 'state' ;
SET : 'set' ;
REPEAT : 'repeat' ;
UPDATE : 'update' ;
RETURN : 'return' ;
PRINT : 'print' ;
ASSERT : 'assert' ;
NEXT : 'next' ;
YIELD : 'yield' ;
IF : 'if' ;
ELSE : 'else' ;
SCAN : 'scan' ;
OVER : 'over' ;
WHILE : 'while' ;
BOUND : 'bound' ;
CARRY : 'carry' ;
SCATTER : 'scatter' ;
AT : 'at' ;
INTO : 'into' ;
OUTSIDE : 'outside' ;
SUM : 'sum' {opensList()}? ;
MAX : 'max' {opensList()}? ;
MIN : 'min' {opensList()}? ;
MEAN : 'mean' {opensList()}? ;
PROD : 'prod' {opensList()}? ;
ARGMAX : 'argmax' {opensList()}? ;
ARGMIN : 'argmin' {opensList()}? ;
INF : 'inf' ;
TRUE : 'true' ;
FALSE : 'false' ;

FLOAT : DIGITS '.' DIGITS EXPONENT? | DIGITS EXPONENT ;
INTEGER : DIGITS ;
fragment DIGITS : [0-9] [0-9_]* ;
fragment EXPONENT : [eE] [+-]? [0-9]+ ;
IDENTIFIER : [A-Za-z_] [A-Za-z_0-9]* ;
STRING : '"' ( ~["\\\r\n] | '\\' . )* '"' ;

// Hidden from the parser, kept for the formatter.
COMMENT : '//' ~[\r\n]* -> channel(HIDDEN) ;
SPACE : [ \t\r\n]+ -> skip ;
// Anything else is one token, so that the parser (which knows more) reports it.
OTHER : . ;
