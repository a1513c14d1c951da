// Preloaded into arlocal, which listens on every interface at a port that must be chosen beforehand: keep it on the
// loopback address at a free port, and write that port to the file named in ARLOCAL_PORT_FILE.
"use strict";
const fs = require("node:fs");
const net = require("node:net");

const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (port, ...rest) {
  if (typeof port !== "number") return listen.call(this, port, ...rest);
  this.once("listening", () => {
    const file = process.env.ARLOCAL_PORT_FILE;
    if (!file) return;
    fs.writeFileSync(`${file}.partial`, String(this.address().port));
    fs.renameSync(`${file}.partial`, file);
  });
  return listen.call(this, { port: 0, host: "127.0.0.1" }, rest.find((argument) => typeof argument === "function"));
};
