// Answers over TLS with what it knows of the connection.
const fs = require('fs');
const https = require('https');

const version = 'TLSv' + process.env.VERSION;
const options = {
  cert: fs.readFileSync(process.env.CHAIN),
  key: fs.readFileSync(process.env.KEY),
  minVersion: version,
  maxVersion: version,
};
https
  .createServer(options, (request, response) => {
    const socket = request.socket;
    response.end(`${socket.getProtocol()} ${socket.isSessionReused() ? 'resumed' : 'full'}\n`);
  })
  .listen(Number(process.env.PORT), '127.0.0.1');
