/*
 * Replaces Jira around the panel: an init script for a browser test.
 *
 * It must run before the page's own scripts, because @forge/bridge looks for window.__bridge while it
 * loads. It reads its data from window.__dejabugTest, which the test sets first:
 *
 *   service  address of the Déjà Bug service, e.g. "http://127.0.0.1:8000"
 *   jira     address of Jira or of its stand-in
 *   fit      the Forge invocation token that the service gets
 *   token    the viewer's OAuth token, for the service and for Jira
 *   issue    { id, key } of the issue on which the panel is open
 *   theme    "light" or "dark"; light if left out
 *
 * It records in window.__dejabugTest what the panel did: `calls` (every [command, payload]) and
 * `opened` (addresses that the panel opened in a new tab).
 */
(() => {
  const test = () => window.__dejabugTest;

  const commands = {
    getContext() {
      return {
        accountId: "test-account",
        cloudId: "test-cloud",
        locale: "en-US",
        moduleKey: "similar-bugs",
        theme: { colorMode: test().theme ?? "light" },
        extension: {
          type: "jira:issuePanel",
          issue: { id: String(test().issue.id), key: test().issue.key },
        },
      };
    },

    enableTheming() {
      // Jira also provides the tokens; here the panel's fallbacks apply.
      document.documentElement.dataset.colorMode = test().theme ?? "light";
    },

    navigate({ url, type }) {
      if (type === "new-tab") (test().opened ??= []).push(url);
    },

    /** invokeRemote: what Forge passes on and what it turns into an exception, as documented. */
    async invoke({ invokeType, path, method, headers, body }) {
      if (invokeType !== "ui-remote-fetch") throw new Error(`unknown invokeType ${invokeType}`);
      let response;
      try {
        response = await fetch(new URL(path, test().service), {
          method,
          headers: {
            ...headers,
            authorization: `Bearer ${test().fit}`,
            "x-forge-oauth-user": test().token,
          },
          body: body === undefined ? undefined : JSON.stringify(body),
        });
      } catch {
        throw new Error("Invalid response from remote");
      }
      if (response.status === 401) {
        throw new Error("Remote could not verify the Forge Invocation Token");
      }
      const type = response.headers.get("content-type");
      if (!response.ok && type && !/^application\/json\b/i.test(type)) {
        throw new Error("Invalid response from remote");
      }
      const text = await response.text();
      let json;
      try {
        json = text ? JSON.parse(text) : undefined;
      } catch {
        throw new Error("Invalid response from remote");
      }
      if (!response.ok && json === undefined) throw new Error("Invalid response from remote");
      const answer = {
        status: response.status,
        headers: Object.fromEntries([...response.headers].map(([name, value]) => [name, [value]])),
        body: json,
      };
      return response.ok ? { success: true, payload: answer } : { success: false, error: answer };
    },

    /** requestJira. */
    async fetchProduct({ product, restPath, fetchRequestInit }) {
      if (product !== "jira") throw new Error(`unknown product ${product}`);
      const { method, headers, body } = fetchRequestInit;
      const response = await fetch(new URL(restPath, test().jira), {
        method,
        headers: { ...Object.fromEntries(headers), authorization: `Bearer ${test().token}` },
        body: body ?? undefined,
      });
      return {
        body: await response.text(),
        headers: Object.fromEntries(response.headers),
        status: response.status,
        statusText: response.statusText,
        isAttachment: false,
      };
    },
  };

  window.__bridge = {
    async callBridge(name, payload) {
      (test().calls ??= []).push([name, payload]);
      const command = commands[name];
      if (!command) throw new Error(`testing/bridge.js does not know the command ${name}`);
      return command(payload ?? {});
    },
  };
})();
