import ts from 'typescript';

/** Iterations of one loop in one execution, above which it is taken for one without an end. */
const MAX_ITERATIONS = 1 << 22;

const BUFFERS = /^((Ui|I)nt(8|16|32)|Float(32|64))Array$/;
const SHORT_CIRCUITS = [
  ts.SyntaxKind.AmpersandAmpersandToken,
  ts.SyntaxKind.BarBarToken,
  ts.SyntaxKind.QuestionQuestionToken,
];

/**
 * The same module with a counter in each branch: a function, both sides of a condition, the body of
 * a loop, a case, a catch. With a check in each loop that it ends, with the sizes of typed arrays
 * reported as they are asked for, and with its short string literals as a dictionary.
 *
 * @param source TypeScript or JavaScript
 * @param runtime the module that has `region`, `stuck` and `allocated` (coverage.ts)
 * @returns JavaScript with an inline source map
 */
export function instrument(source: string, path: string, runtime: string): string {
  let counters = 0;
  const tokens = new Set<string>();

  const transformer: ts.TransformerFactory<ts.SourceFile> = (context) => {
    const f = context.factory;
    const bodiesOfLoops = new Set<ts.Node>();

    const count = (): ts.Expression =>
      f.createPostfixIncrement(
        f.createElementAccessExpression(f.createIdentifier('$c'), counters++),
      );
    const call = (name: string, ...given: ts.Expression[]): ts.Expression =>
      f.createCallExpression(f.createIdentifier(name), undefined, given);
    const counted = (value: ts.Expression): ts.Expression =>
      f.createParenthesizedExpression(f.createComma(count(), value));
    const statement = (value: ts.Expression): ts.Statement => f.createExpressionStatement(value);
    const counter = (isLoop: boolean): ts.Statement => {
      if (!isLoop) return statement(count());
      const tooOften = f.createGreaterThan(count(), f.createNumericLiteral(MAX_ITERATIONS));
      return f.createIfStatement(tooOften, statement(call('$stuck')));
    };
    const block = (body: ts.Statement | undefined): ts.Block =>
      body !== undefined && ts.isBlock(body) ? body : f.createBlock(body ? [body] : []);
    const loop = (body: ts.Statement): ts.Block => {
      const made = block(body);
      bodiesOfLoops.add(made);
      return made;
    };

    /** With a block wherever one may stand: each block gets a counter. */
    const withBlocks = (node: ts.Node): ts.Node => {
      if (ts.isIfStatement(node)) {
        const { expression, thenStatement, elseStatement } = node;
        return f.updateIfStatement(node, expression, block(thenStatement), block(elseStatement));
      }
      if (ts.isForStatement(node)) {
        const { initializer, condition, incrementor } = node;
        return f.updateForStatement(
          node,
          initializer,
          condition,
          incrementor,
          loop(node.statement),
        );
      }
      if (ts.isForOfStatement(node)) {
        const { awaitModifier, initializer, expression } = node;
        return f.updateForOfStatement(
          node,
          awaitModifier,
          initializer,
          expression,
          loop(node.statement),
        );
      }
      if (ts.isForInStatement(node)) {
        return f.updateForInStatement(
          node,
          node.initializer,
          node.expression,
          loop(node.statement),
        );
      }
      if (ts.isWhileStatement(node)) {
        return f.updateWhileStatement(node, node.expression, loop(node.statement));
      }
      if (ts.isDoStatement(node)) {
        return f.updateDoStatement(node, loop(node.statement), node.expression);
      }
      return node;
    };

    const withCounters = (node: ts.Node, isLoop: boolean): ts.Node => {
      if (ts.isBlock(node)) return f.updateBlock(node, [counter(isLoop), ...node.statements]);
      if (ts.isArrowFunction(node) && !ts.isBlock(node.body)) {
        const { modifiers, typeParameters, parameters, type, equalsGreaterThanToken } = node;
        const body = counted(node.body);
        return f.updateArrowFunction(
          node,
          modifiers,
          typeParameters,
          parameters,
          type,
          equalsGreaterThanToken,
          body,
        );
      }
      if (ts.isConditionalExpression(node)) {
        const { condition, questionToken, whenTrue, colonToken, whenFalse } = node;
        return f.updateConditionalExpression(
          node,
          condition,
          questionToken,
          counted(whenTrue),
          colonToken,
          counted(whenFalse),
        );
      }
      if (ts.isBinaryExpression(node) && SHORT_CIRCUITS.includes(node.operatorToken.kind)) {
        return f.updateBinaryExpression(node, node.left, node.operatorToken, counted(node.right));
      }
      if (ts.isCaseClause(node)) {
        return f.updateCaseClause(node, node.expression, [counter(false), ...node.statements]);
      }
      if (ts.isDefaultClause(node)) {
        return f.updateDefaultClause(node, [counter(false), ...node.statements]);
      }
      if (ts.isNewExpression(node) && node.arguments?.length === 1) {
        const { expression, typeArguments } = node;
        if (!ts.isIdentifier(expression) || !BUFFERS.test(expression.text)) return node;
        const size = call('$allocated', node.arguments[0]!, expression);
        return f.updateNewExpression(node, expression, typeArguments, [size]);
      }
      return node;
    };

    const visit = (node: ts.Node): ts.Node => {
      if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return node;
      if (ts.isTypeNode(node) || ts.isInterfaceDeclaration(node)) return node;
      if (ts.isStringLiteralLike(node) && /^[!-~]{2,40}$/.test(node.text)) tokens.add(node.text);
      const visited = ts.visitEachChild(withBlocks(node), visit, context);
      return withCounters(visited, bodiesOfLoops.has(node));
    };
    return (file) => ts.visitEachChild(file, visit, context);
  };

  const { outputText } = ts.transpileModule(source, {
    fileName: path,
    transformers: { before: [transformer] },
    compilerOptions: {
      target: ts.ScriptTarget.ES2023,
      module: ts.ModuleKind.ESNext,
      verbatimModuleSyntax: true,
      allowJs: true,
      inlineSourceMap: true,
      inlineSources: true,
    },
  });
  // On the first line, so that the source map stays right.
  const names = 'region as $region, stuck as $stuck, allocated as $allocated';
  return (
    `import { ${names} } from ${JSON.stringify(runtime)}; ` +
    `const $c = $region(${counters}, ${JSON.stringify([...tokens])});${outputText}`
  );
}
