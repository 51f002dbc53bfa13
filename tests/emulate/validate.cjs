// The witness: Twilio's own validator for Node judges requests, one JSON document a line on stdin:
// {token, url, signature, params, body?}. Answers with one JSON list of verdicts.
"use strict";

const { validateRequest, validateRequestWithBody } = require("twilio");

function judged(line) {
  const { token, signature, url, params, body } = JSON.parse(line);
  return body === undefined
    ? validateRequest(token, signature, url, params)
    : validateRequestWithBody(token, signature, url, body);
}

let given = "";
process.stdin.setEncoding("utf8");
process.stdin.on("data", (chunk) => (given += chunk));
process.stdin.on("end", () => {
  const verdicts = given.split("\n").filter(Boolean).map(judged);
  process.stdout.write(JSON.stringify(verdicts));
});
