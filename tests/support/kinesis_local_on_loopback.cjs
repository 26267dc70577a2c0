// Loaded before kinesis-local, which listens on every address and has no setting for it.
"use strict";

const { Server } = require("node:net");

const listen = Server.prototype.listen;

Server.prototype.listen = function onLoopback(port, ...more) {
  if (typeof port !== "number" || more.some((one) => typeof one !== "function")) {
    throw new Error("kinesis-local listens in another way than this was written for");
  }
  return listen.call(this, port, "127.0.0.1", ...more);
};
