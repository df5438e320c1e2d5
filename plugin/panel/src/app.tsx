/** Finds out which issue this is, then shows its panel. */

import { useEffect, useState } from "preact/hooks";

import { currentIssue, followTheme, type Issue } from "./bridge";
import { Panel } from "./panel";
import { asProblem, type Problem } from "./problem";
import { serviceFor } from "./service";
import { Failed, Loading } from "./states";

export function App() {
  const [issue, setIssue] = useState<Issue | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);

  const find = () => {
    setProblem(null);
    currentIssue().then(setIssue, (thrown: unknown) => setProblem(asProblem(thrown)));
  };
  useEffect(() => {
    followTheme().catch(() => undefined); // the fallback colours apply
    find();
  }, []);

  return (
    <main class="panel" aria-labelledby="panel-title">
      <h1 class="visually-hidden" id="panel-title">
        Déjà Bug
      </h1>
      {issue ? (
        <Panel issue={issue} service={serviceFor(issue)} />
      ) : problem ? (
        <Failed problem={problem} onTryAgain={find} />
      ) : (
        <Loading />
      )}
    </main>
  );
}
