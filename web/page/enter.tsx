/**
 * Where a browser is that did not come in: it takes the code that the terminal shows.
 * @param problem why the code that it brought lets nobody in
 */
export function EnterScreen({ problem }: { problem?: string }) {
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>coatcheck</title>
        <link rel="stylesheet" href="/assets/style.css" />
        <link rel="icon" href="data:," />
      </head>
      <body>
        <main>
          <h1>coatcheck</h1>
          <p>
            This browser is not let in. Type the code that <code>coatcheck ui</code> says, within a
            minute; Enter there says another.
          </p>
          {problem !== undefined && (
            <p class="bad" role="alert">
              {problem}
            </p>
          )}
          <form method="post" action="/enter">
            <label>
              Code <input name="code" autocomplete="off" required autofocus />
            </label>{' '}
            <button>Come in</button>
          </form>
        </main>
      </body>
    </html>
  );
}
