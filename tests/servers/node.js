// The handler is told by an event: its response is closed before it has ended.
const http = require('http');
const { PORT, WITNESS, WORK_MS } = process.env;
const socket = require('dgram').createSocket('udp4');
const tell = (what) => socket.send(what, WITNESS, '127.0.0.1');

http.createServer((request, response) => {
    if (request.url === '/quick')
        return response.end('quick\n');
    tell('begin');
    const work = setTimeout(() => {
        tell('end');
        response.end('done\n');
    }, WORK_MS);
    response.on('close', () => {
        clearTimeout(work);
        if (!response.writableEnded)
            tell('gone');
    });
}).listen(PORT, '127.0.0.1');
