// Preloaded into the stand-in, which would listen on every address of the machine and call whatever
// a webhook address says: with this it listens on 127.0.0.1, says on which port, calls nothing
// but loopback, and ends with whoever started it.
"use strict";

const net = require("node:net");

const LOOPBACK = new Set(["127.0.0.1", "::1", "localhost"]);
const { listen } = net.Server.prototype;
const { connect } = net.Socket.prototype;

net.Server.prototype.listen = function (port) {
  this.once("listening", () => console.log(`listening ${this.address().port}`));
  return listen.call(this, port, "127.0.0.1");
};

net.Socket.prototype.connect = function (...given) {
  const [options] = Array.isArray(given[0]) ? given[0] : given;
  if (!LOOPBACK.has(options?.host)) {
    throw new Error(`kept on loopback: ${options?.host} was not called`);
  }
  return connect.apply(this, given);
};

process.stdin.resume().on("end", () => process.exit(0));
