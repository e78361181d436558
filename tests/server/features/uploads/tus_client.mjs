// tus-js-client sends a file to argv[2] with the token argv[3]: parallel if argv[5] says so. Prints the upload's address.
import { createRequire } from "node:module";

const [, , endpoint, token, modules, parallel] = process.argv;
const { Upload } = createRequire(`${modules}/`)("tus-js-client");

const chunks = [];
for await (const chunk of process.stdin) chunks.push(chunk);
const file = Buffer.concat(chunks);

const upload = new Upload(file, {
  endpoint,
  headers: { Authorization: `Bearer ${token}` },
  chunkSize: parallel === "1" ? 1_500_000 : Infinity,
  parallelUploads: Number(parallel),
  retryDelays: [0, 100, 500, 1000],
  metadata: { filename: "clip.mp4", filetype: "video/mp4" },
  onError: (error) => {
    console.error(String(error));
    process.exit(1);
  },
  onSuccess: () => console.log(upload.url),
});
upload.start();
