import ts from 'typescript';

/** Where the instrumented code finds {@link region}, {@link stuck} and {@link allocated}. */
export interface Runtime {
  readonly module: string;
}

/** An iteration of one loop above this, in one execution, is taken for a loop without an end. */
export const MAX_ITERATIONS = 1 << 22;

const BUFFERS = /^((Ui|I)nt(8|16|32)|Float(32|64))Array$/;

/**
 * The same module with a counter in each branch: a function, both sides of a condition, the body of
 * a loop, a case, a catch. With a check in each loop that it ends, with the sizes of typed arrays
 * reported as they are asked for, and with its short string literals as a dictionary.
 *
 * @param source TypeScript or JavaScript
 * @returns JavaScript with an inline source map
 */
export function instrument(source: string, path: string, runtime: Runtime): string {
  let counters = 0;
  const tokens = new Set<string>();

  const transformer: ts.TransformerFactory<ts.SourceFile> = (context) => {
    const f = context.factory;
    const count = (): ts.Expression =>
      f.createPostfixIncrement(
        f.createElementAccessExpression(f.createIdentifier('$c'), counters++),
      );
    const counted = (e: ts.Expression): ts.Expression =>
      f.createParenthesizedExpression(f.createComma(count(), e));
    const block = (first: ts.Statement, statement?: ts.Statement): ts.Block => {
      if (statement === undefined) return f.createBlock([first]);
      const rest = ts.isBlock(statement) ? statement.statements : [statement];
      return f.createBlock([first, ...rest], true);
    };
    const branch = (statement?: ts.Statement): ts.Block =>
      block(f.createExpressionStatement(count()), statement);
    const loop = (statement: ts.Statement): ts.Block => {
      const tooOften = f.createGreaterThan(count(), f.createNumericLiteral(MAX_ITERATIONS));
      const stuck = f.createCallExpression(f.createIdentifier('$stuck'), undefined, []);
      return block(f.createIfStatement(tooOften, f.createExpressionStatement(stuck)), statement);
    };

    const visit = (before: ts.Node): ts.Node => {
      if (ts.isImportDeclaration(before) || ts.isExportDeclaration(before)) return before;
      if (ts.isTypeNode(before) || ts.isInterfaceDeclaration(before)) return before;
      if (ts.isStringLiteralLike(before) && /^[!-~]{2,40}$/.test(before.text))
        tokens.add(before.text);
      const node = ts.visitEachChild(before, visit, context);

      if (ts.isArrowFunction(node)) {
        const body = ts.isBlock(node.body) ? branch(node.body) : counted(node.body);
        return f.updateArrowFunction(
          node,
          node.modifiers,
          node.typeParameters,
          node.parameters,
          node.type,
          node.equalsGreaterThanToken,
          body,
        );
      }
      if (ts.isFunctionDeclaration(node) && node.body) {
        return f.updateFunctionDeclaration(
          node,
          node.modifiers,
          node.asteriskToken,
          node.name,
          node.typeParameters,
          node.parameters,
          node.type,
          branch(node.body),
        );
      }
      if (ts.isFunctionExpression(node)) {
        return f.updateFunctionExpression(
          node,
          node.modifiers,
          node.asteriskToken,
          node.name,
          node.typeParameters,
          node.parameters,
          node.type,
          branch(node.body),
        );
      }
      if (ts.isMethodDeclaration(node) && node.body) {
        return f.updateMethodDeclaration(
          node,
          node.modifiers,
          node.asteriskToken,
          node.name,
          node.questionToken,
          node.typeParameters,
          node.parameters,
          node.type,
          branch(node.body),
        );
      }
      if (ts.isIfStatement(node))
        return f.updateIfStatement(
          node,
          node.expression,
          branch(node.thenStatement),
          branch(node.elseStatement),
        );
      if (ts.isForStatement(node))
        return f.updateForStatement(
          node,
          node.initializer,
          node.condition,
          node.incrementor,
          loop(node.statement),
        );
      if (ts.isForOfStatement(node))
        return f.updateForOfStatement(
          node,
          node.awaitModifier,
          node.initializer,
          node.expression,
          loop(node.statement),
        );
      if (ts.isForInStatement(node))
        return f.updateForInStatement(
          node,
          node.initializer,
          node.expression,
          loop(node.statement),
        );
      if (ts.isWhileStatement(node))
        return f.updateWhileStatement(node, node.expression, loop(node.statement));
      if (ts.isDoStatement(node))
        return f.updateDoStatement(node, loop(node.statement), node.expression);
      if (ts.isConditionalExpression(node)) {
        return f.updateConditionalExpression(
          node,
          node.condition,
          node.questionToken,
          counted(node.whenTrue),
          node.colonToken,
          counted(node.whenFalse),
        );
      }
      if (ts.isBinaryExpression(node) && isShortCircuit(node.operatorToken.kind)) {
        return f.updateBinaryExpression(node, node.left, node.operatorToken, counted(node.right));
      }
      if (ts.isCaseClause(node))
        return f.updateCaseClause(node, node.expression, [
          f.createExpressionStatement(count()),
          ...node.statements,
        ]);
      if (ts.isDefaultClause(node))
        return f.updateDefaultClause(node, [
          f.createExpressionStatement(count()),
          ...node.statements,
        ]);
      if (ts.isCatchClause(node))
        return f.updateCatchClause(node, node.variableDeclaration, branch(node.block));
      if (
        ts.isNewExpression(node) &&
        ts.isIdentifier(node.expression) &&
        BUFFERS.test(node.expression.text) &&
        node.arguments?.length === 1
      ) {
        const size = f.createCallExpression(f.createIdentifier('$allocated'), undefined, [
          ...node.arguments,
          f.createIdentifier(node.expression.text),
        ]);
        return f.updateNewExpression(node, node.expression, node.typeArguments, [size]);
      }
      return node;
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
  const from = JSON.stringify(runtime.module);
  // On the first line, so that the source map stays right.
  return (
    `import { region as $region, stuck as $stuck, allocated as $allocated } from ${from}; ` +
    `const $c = $region(${counters}, ${JSON.stringify([...tokens])});` +
    outputText
  );
}

function isShortCircuit(kind: ts.SyntaxKind): boolean {
  return (
    kind === ts.SyntaxKind.AmpersandAmpersandToken ||
    kind === ts.SyntaxKind.BarBarToken ||
    kind === ts.SyntaxKind.QuestionQuestionToken
  );
}
