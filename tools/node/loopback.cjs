// Preloaded into arlocal, which listens on every interface and cannot say on which port: keep it on the loopback
// address, and write the port it got to the file named in ARLOCAL_PORT_FILE.
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
  return listen.call(this, { port, host: "127.0.0.1" }, rest.find((argument) => typeof argument === "function"));
};
